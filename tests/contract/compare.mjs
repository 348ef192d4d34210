// Prints what changed between two schemas, as JSON: node compare.mjs RELEASED CURRENT
import { readFileSync } from 'node:fs';
import { diff } from '@graphql-inspector/core';
import { buildSchema } from 'graphql';

const [released, current] = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, 'utf8')));
const changes = await diff(released, current);
console.log(JSON.stringify(changes.map(({ type, path, message, criticality }) => ({ type, path, message, level: criticality.level }))));
