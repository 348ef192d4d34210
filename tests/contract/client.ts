// A partner's program in TypeScript, with a client that is generated from schema.graphql: node client.js ADDRESS KEY
import {
  AmountKeyword,
  DonateEnergyDocument,
  FindProjectDocument,
  RecordActionDocument,
  type TypedDocumentString,
} from './generated/graphql.js';

declare const process: { argv: string[] };

const [address, key, startedAt, endedAt] = process.argv.slice(2);

async function ask<Result, Variables>(document: TypedDocumentString<Result, Variables>, variables: Variables): Promise<Result> {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: document, variables }),
  });
  const { data, errors } = (await response.json()) as { data: Result; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const { project } = await ask(FindProjectDocument, { code: 'longwu' });
if (!project) throw new Error('no project');
const user = { externalRef: 'typed-ts' };
const legs = [{ type: 'BUS', quantity: 8000, startedAt, endedAt }];
const { recordAction } = await ask(RecordActionDocument, { input: { idempotencyKey: 'ts-trip', user, legs } });
const gift = { user, projectId: project.id };
const tooMuch = await ask(DonateEnergyDocument, {
  input: { ...gift, idempotencyKey: 'ts-too-much', amount: { grams: 10_000 } },
});
const [refusal] = tooMuch.donateEnergy.errors;
const available: number | null = refusal.__typename === 'InsufficientEnergy' ? refusal.available : null;
const { donateEnergy } = await ask(DonateEnergyDocument, {
  input: { ...gift, idempotencyKey: 'ts-gift', amount: { all: AmountKeyword.All } },
});
console.log(
  JSON.stringify({
    credited: recordAction.action?.credited,
    available,
    donated: donateEnergy.donation?.amount,
    left: donateEnergy.balance?.available,
  }),
);
