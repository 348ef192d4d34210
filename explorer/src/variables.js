/**
 * Variables of an example may hold marks. They are filled in each time it is run, so that an example works as it
 * stands, today and next month:
 *
 *   {{new}}      a new idempotency key
 *   {{start}}    when a trip began that took 20 minutes, at some time of the last days
 *   {{end}}      when the same trip ended
 *   {{project}}  a project: one of the caller's own if there is one, else one that is open for donations
 */
const MARK = /\{\{(new|start|end|project)\}\}/g;

const MINUTE_MS = 60_000;
const TRIP_MIN = 20;
// Actions are taken for seven days; a trip must not overlap another of the same user, so each gets a time of its own.
const LATEST_MIN = 5 * 24 * 60;

// A sandbox has a clock of its own, which its partner can advance.
const NOW = `query Now { viewer { now } }`;
const MINE = `query Mine { viewer { partner { id } } }`;
const ONE = `query One($partner: ID) {
  projects(first: 1, status: IMPLEMENTATION, partnerId: $partner) { nodes { id } }
}`;

/** Return variables with every mark filled in; `send` asks the API as the caller. */
export async function filled(variables, send) {
  const text = JSON.stringify(variables ?? {});
  const marks = new Set([...text.matchAll(MARK)].map((match) => match[1]));
  if (marks.size === 0) return variables;
  const now = marks.has('start') || marks.has('end') ? await askTime(send) : 0;
  const ended = now - (5 + Math.random() * LATEST_MIN) * MINUTE_MS;
  const values = {
    new: randomKey(),
    start: new Date(ended - TRIP_MIN * MINUTE_MS).toISOString(),
    end: new Date(ended).toISOString(),
    project: marks.has('project') ? await findProject(send) : '',
  };
  return JSON.parse(text.replace(MARK, (_, mark) => values[mark]));
}

async function askTime(send) {
  const { data } = await send(NOW);
  return data ? Date.parse(data.viewer.now) : Date.now();
}

async function findProject(send) {
  const partner = (await send(MINE)).data?.viewer?.partner?.id ?? null;
  const own = partner && (await send(ONE, { partner })).data?.projects?.nodes[0];
  const found = own ?? (await send(ONE)).data?.projects?.nodes[0];
  if (!found) throw new Error('{{project}}: there is no project that is open for donations yet.');
  return found.id;
}

// `crypto.randomUUID` is there only for https and localhost.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
