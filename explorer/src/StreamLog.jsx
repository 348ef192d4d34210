import { useSyncExternalStore } from 'react';

const STATES = { open: 'Listening', ended: 'Ended' };

/** The messages of the latest subscription, the newest first. */
export function StreamLog({ stream }) {
  const { state, count, messages, error } = useSyncExternalStore(stream.subscribe, stream.snapshot);
  if (state === 'none') return null;
  return (
    <section className="stream" aria-label="Messages of the subscription">
      <p className="stream-state" data-state={state}>
        <span className="dot" aria-hidden="true" />
        {STATES[state]}
        {error && `: ${error}`}
        <span className="stream-count">
          {count} {count === 1 ? 'message' : 'messages'}
        </span>
      </p>
      <ol reversed start={count} aria-live="polite">
        {messages.map(({ number, at, text }) => (
          <li key={number}>
            <time dateTime={at.toISOString()}>{at.toLocaleTimeString('en-GB')}</time>
            <code title={text}>{text}</code>
          </li>
        ))}
      </ol>
    </section>
  );
}
