import { useState } from 'react';
import { ask, bearer } from './api.js';

const WHO = `{
  viewer { partner { name { en } slug kinds } user { id } environment scopes keyId expiresAt }
}`;

const KINDS = { ACTION_SOURCE: 'partner app', NGO: 'NGO', SPONSOR: 'sponsor', OPERATOR: 'operator' };

const SCOPES = {
  'actions:read': 'see the actions it recorded',
  'actions:write': 'record actions and reverse them',
  'donations:read': 'see donations',
  'donations:write': 'donate energy and take donations back',
  'users:read': 'see its users and their balances',
  'users:write': 'link users and unlink them',
  'events:read': 'follow donations as they happen',
  'projects:write': 'enter and change projects',
  admin: 'see what belongs to every partner',
};

/** Ask the API whose key this is. It is used for nothing before the answer is there. */
async function identify(key) {
  const { data, errors } = await ask(WHO, undefined, bearer(key));
  if (errors) throw new Error(`${errors[0].extensions?.code ?? 'ERROR'}: ${errors[0].message}`);
  if (!data.viewer.partner) throw new Error('Nobody: the API does not know whose key this is.');
  return data.viewer;
}

/** The box for the key. The key lives in the page's memory and is gone with it. */
export function KeyBox({ viewer, onKey }) {
  const [text, setText] = useState('');
  const [isAsking, setIsAsking] = useState(false);
  const [problem, setProblem] = useState(null);

  const submit = async (event) => {
    event.preventDefault();
    const key = text.trim().replace(/^Bearer\s+/i, '');
    if (!key) return;
    setIsAsking(true);
    setProblem(null);
    try {
      onKey(key, await identify(key));
      setText('');
    } catch (error) {
      setProblem(error.message);
    } finally {
      setIsAsking(false);
    }
  };

  if (viewer) return <Identity viewer={viewer} onForget={() => onKey(null, null)} />;
  return (
    <form className="key" onSubmit={submit} autoComplete="off">
      <label htmlFor="key">API key</label>
      <span className="key-field">
        <input
          id="key"
          type="password"
          placeholder="lk_…  stays in this page only"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          // Password managers must not keep it either.
          data-1p-ignore=""
          data-lpignore="true"
          value={text}
          aria-invalid={problem !== null}
          aria-describedby="key-problem"
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" disabled={isAsking || text.trim() === ''}>
          {isAsking ? 'Asking…' : 'Use'}
        </button>
      </span>
      <p id="key-problem" role="alert">
        {problem}
      </p>
    </form>
  );
}

function Identity({ viewer: { partner, user, environment, scopes, keyId, expiresAt }, onForget }) {
  return (
    <div className="identity">
      <button type="button" className="quiet" popoverTarget="identity" aria-label={`${partner.name.en}: what the key may do`}>
        <span className="dot" data-environment={environment} aria-hidden="true" />
        <strong>{partner.name.en}</strong>
        <span className="badge" data-environment={environment}>
          {environment.toLowerCase()}
        </span>
        <span aria-hidden="true">▾</span>
      </button>
      <button type="button" className="quiet" onClick={onForget}>
        Forget key
      </button>
      <div id="identity" className="panel" popover="auto">
        <h2>
          {partner.name.en} <small>{partner.kinds.map((kind) => KINDS[kind] ?? kind).join(', ')}</small>
        </h2>
        <dl className="facts">
          <dt>Partner</dt>
          <dd>
            <code>{partner.slug}</code>
          </dd>
          {keyId && (
            <>
              <dt>Key</dt>
              <dd>
                <code>lk_{keyId}_…</code>
              </dd>
            </>
          )}
          {user && (
            <>
              <dt>User</dt>
              <dd>
                <code>{user.id}</code>, and nobody else
              </dd>
            </>
          )}
          {expiresAt && (
            <>
              <dt>Ends</dt>
              <dd>{new Date(expiresAt).toLocaleString('en-GB')}</dd>
            </>
          )}
          <dt>World</dt>
          <dd>{environment === 'SANDBOX' ? 'sandbox: nothing here is real' : 'live: what you do counts'}</dd>
        </dl>
        <h3>This key may</h3>
        <ul className="scopes">
          {scopes.map((scope) => (
            <li key={scope}>
              <code>{scope}</code> {SCOPES[scope] ?? ''}
            </li>
          ))}
        </ul>
        {scopes.length === 0 && <p>Only what anybody may.</p>}
      </div>
    </div>
  );
}
