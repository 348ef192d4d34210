/** How the page talks to the API: HTTP for answers, graphql-transport-ws for streams, both on the page's own address. */
import { Kind, parse } from 'graphql';
import { createClient } from 'graphql-ws';
import { filled } from './variables.js';

const PATH = '/graphql';

/** Send one operation and return its answer, which may hold errors. */
export async function ask(query, variables, headers = {}) {
  return post({ query, variables }, new Headers(headers));
}

export const bearer = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

/**
 * Return what GraphiQL sends operations with.
 *
 * `currentKey` is asked for each operation, so a new key counts from the next one on. A header that is written in
 * GraphiQL's own pane wins. `stream` hears what comes of subscriptions.
 */
export function createFetcher(currentKey, stream) {
  return async (asked, { headers: written } = {}) => {
    const headers = new Headers({ ...bearer(currentKey()) });
    for (const [name, value] of Object.entries(written ?? {})) headers.set(name, value);
    const { operationName, type } = chosen(asked);
    const variables = await filled(asked.variables, (query, values) => ask(query, values, headers));
    const request = { ...asked, operationName, variables };
    return type === 'subscription' ? subscribe(request, headers, stream) : post(request, headers);
  };
}

/**
 * Find the operation that is meant, and its type. GraphiQL's own knowledge comes a moment after the text, so who changes
 * tabs and runs at once would send the name of the tab before.
 */
function chosen({ query, operationName }) {
  try {
    const operations = parse(query).definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    const named = operations.find(({ name }) => name && name.value === operationName);
    const operation = named ?? (operations.length === 1 ? operations[0] : undefined);
    return { operationName: operation ? operation.name?.value : operationName, type: operation?.operation };
  } catch {
    return { operationName }; // the server says better what is wrong
  }
}

async function post(request, headers) {
  headers.set('Content-Type', 'application/json');
  headers.set('Accept', 'application/graphql-response+json, application/json');
  const response = await fetch(PATH, { method: 'POST', headers, body: JSON.stringify(request), credentials: 'omit' });
  return response.json();
}

/**
 * Open a socket for one subscription: it ends with the subscription, and so does what the key opened.
 *
 * An iterator by hand, because a generator that waits for the next event cannot be told to stop.
 */
function subscribe(request, headers, stream) {
  const client = createClient({
    url: new URL(PATH, location.href.replace(/^http/, 'ws')).href,
    // A browser cannot set headers on a handshake: the key goes into connection_init.
    connectionParams: Object.fromEntries(headers),
    // A break is shown. To go on by itself it would have to know the last cursor.
    retryAttempts: 0,
  });
  const source = client.iterate(request);
  const heard = stream.open();
  const finish = (error) => {
    heard.end(error);
    client.dispose();
  };
  return {
    async next() {
      try {
        const step = await source.next();
        if (step.done) finish();
        else heard.next(step.value);
        return step;
      } catch (problem) {
        const error = readable(problem);
        finish(error);
        throw error;
      }
    },
    return() {
      finish();
      return source.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Errors of an operation come as a list, those of a socket as a CloseEvent; both should read well. */
function readable(problem) {
  if (Array.isArray(problem)) return problem.length === 1 ? problem[0] : { errors: problem };
  if (problem instanceof CloseEvent) return new Error(`The socket was closed: ${problem.code} ${problem.reason}`.trim());
  if (problem instanceof Event) return new Error('The socket could not be opened.');
  return problem;
}
