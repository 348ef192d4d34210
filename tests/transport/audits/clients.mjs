// Each of the JavaScript clients asks a query, a mutation and a subscription, leaves one in the middle and goes on where
// it stopped; prints what it heard.
import { createClient as createSocketClient } from 'graphql-ws';
import { createClient as createStreamClient } from 'graphql-sse';
import WebSocket from 'ws';

const [, , kind, url] = process.argv;
const clients = {
  ws: () => createSocketClient({ url, webSocketImpl: WebSocket, connectionParams: { Authorization: 'Bearer ann' } }),
  sse: () => createStreamClient({ url, headers: { Authorization: 'Bearer ann' } }),
  'sse-single': () => createStreamClient({ url, singleConnection: true, headers: { Authorization: 'Bearer ann' } }),
};
const client = clients[kind]();

const heard = {};
for (const [name, query] of Object.entries({
  query: '{ caller }',
  mutation: 'mutation { write(text: "a") }',
  subscription: 'subscription { count(to: 3) }',
})) {
  heard[name] = [];
  for await (const result of client.iterate({ query })) heard[name].push(result);
}
const LINES = 'subscription ($after: String) { lines(after: $after, to: 4) { cursor text } }';
heard.resumed = [];
let after = null;
for await (const { data } of client.iterate({ query: LINES, variables: { after } })) {
  heard.resumed.push(data.lines.text);
  after = data.lines.cursor;
  if (heard.resumed.length === 2) break;
}
for await (const { data } of client.iterate({ query: LINES, variables: { after } })) heard.resumed.push(data.lines.text);
console.log(JSON.stringify(heard));
await client.dispose();
process.exit(0);
