/** What has come of the latest subscription: GraphiQL shows only the last message, and a stream is more than that. */
const KEPT = 100;

const SILENCE = { state: 'none', count: 0, messages: [], error: null };

/** Write a message as one line: `DonationEvent kind: "DONATION" sequence: 7 …`, as the root field's name says no news. */
function brief({ data, errors }) {
  const value = data && Object.values(data)[0];
  if (errors || typeof value !== 'object' || value === null) return JSON.stringify({ data, errors });
  const { __typename: type, ...fields } = value;
  const parts = Object.entries(fields).map(([name, field]) => `${name}: ${JSON.stringify(field)}`);
  return [type, ...parts].filter(Boolean).join('  ');
}

export function createStream() {
  let current = SILENCE;
  const listeners = new Set();
  const change = (changes) => {
    current = { ...current, ...changes };
    for (const listener of listeners) listener();
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => current,
    /** Begin to listen; what was heard before is forgotten. */
    open() {
      const mine = {};
      change({ ...SILENCE, state: 'open', owner: mine });
      const isMine = () => current.owner === mine;
      return {
        next(result) {
          if (!isMine()) return;
          const count = current.count + 1;
          const message = { number: count, at: new Date(), text: brief(result) };
          change({ count, messages: [message, ...current.messages].slice(0, KEPT) });
        },
        end(error) {
          if (isMine() && current.state === 'open') change({ state: 'ended', error: error?.message ?? null });
        },
      };
    },
  };
}
