/**
 * The page's totals, as they move: the list of projects once over HTTP, then each project's progress over a socket.
 *
 * A client of graphql-transport-ws in a hundred lines, written by hand so that the page needs no build. Every
 * subscription begins with the state as it is, so after a break nothing has to be caught up on.
 */

const PAGE_MAX = 100;
const PAGES_MAX = 10;
// A socket carries at most 100 operations; the projects beyond that stand still until the page is loaded again.
const FOLLOWED_MAX = 100;
const SHOWN_MAX = 9;

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

const PROJECTS = `query Projects($after: String) {
  projects(first: ${PAGE_MAX}, after: $after) {
    nodes { id name { en zh } goal progress { energyRaised donations donors } }
    pageInfo { hasNextPage endCursor }
  }
}`;

const PROGRESS = `subscription Progress($id: ID!) {
  projectProgress(projectId: $id) { energyRaised donations donors }
}`;

const $ = (id) => document.getElementById(id);
const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Progress by project id, and the card that shows it. */
const progress = new Map();
const cards = new Map();

// --- Numbers ---------------------------------------------------------------------------------------------------

const UNITS = [['t', 1_000_000], ['kg', 1_000], ['g', 1]];

const decimals = (least, most) => ({ minimumFractionDigits: least, maximumFractionDigits: most });

/** Write grams so that they are easy to take in: 416 g, 12.3 kg, 1.25 t. */
function rough(grams) {
  const [unit, size] = UNITS.find(([, least]) => grams >= 10 * least) ?? UNITS[2];
  return `${(grams / size).toLocaleString('en', { maximumSignificantDigits: size === 1 ? 21 : 3 })} ${unit}`;
}

/** Write grams to the gram, as amount and unit: 416 g, 12.345 kg, 1.234567 t. */
function exact(grams) {
  if (grams < 10_000) return [grams.toLocaleString('en'), 'g'];
  if (grams < 10_000_000) return [(grams / 1_000).toLocaleString('en', decimals(3, 3)), 'kg'];
  return [(grams / 1_000_000).toLocaleString('en', decimals(6, 6)), 't'];
}

const count = (number, one, many) => `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** Let a number run to its new value; a new one takes over from where it is. */
function run(element, target, write) {
  const from = Number(element.value || 0);
  const begun = performance.now();
  element.dataset.target = target;
  const step = (now) => {
    if (element.dataset.target !== String(target)) return;
    // A frame's time can lie before the call that asked for it: never run backwards.
    const part = isCalm ? 1 : Math.min(1, Math.max(0, (now - begun) / 900));
    const eased = 1 - (1 - part) ** 3;
    const value = part === 1 ? target : Math.round(from + (target - from) * eased);
    element.value = value;
    write(value);
    if (part < 1) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}

function showTotals() {
  let energy = 0;
  let donations = 0;
  for (const one of progress.values()) {
    energy += one.energyRaised;
    donations += one.donations;
  }
  run($('energy'), energy, (grams) => {
    const [amount, unit] = exact(grams);
    const small = document.createElement('small');
    small.textContent = unit;
    $('energy').replaceChildren(amount, ' ', small);
  });
  run($('donations'), donations, (value) => $('donations').replaceChildren(value.toLocaleString('en')));
}

// --- Projects --------------------------------------------------------------------------------------------------

function addCard({ id, name, goal }) {
  const card = $('project').content.cloneNode(true).querySelector('li');
  card.querySelector('.name-en').textContent = name.en;
  card.querySelector('.name-zh').textContent = name.zh;
  card.querySelector('.raised span').textContent = goal ? `of ${rough(goal)}` : 'donated';
  card.querySelector('progress').hidden = !goal;
  card.querySelector('progress').setAttribute('aria-label', `${name.en}: part of the goal`);
  cards.set(id, { card, goal });
  $('projects').querySelector('ul').append(card);
}

function show(id, now, isNews) {
  const before = progress.get(id);
  progress.set(id, now);
  const { card, goal } = cards.get(id) ?? {};
  if (!card) return;
  card.querySelector('.raised b').textContent = exact(now.energyRaised).join(' ');
  card.querySelector('.donors').textContent =
    `${count(now.donations, 'donation', 'donations')} by ${count(now.donors, 'person', 'people')}`;
  if (goal) card.querySelector('progress').value = Math.min(1, now.energyRaised / goal);
  if (isNews && before && before.energyRaised !== now.energyRaised) {
    card.classList.remove('moved');
    void card.offsetWidth; // so that the animation begins again
    card.classList.add('moved');
  }
}

async function loadProjects() {
  const projects = [];
  let after = null;
  for (let page = 0; page < PAGES_MAX; page++) {
    const response = await fetch('/graphql', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query: PROJECTS, variables: { after } }),
    });
    const { data } = await response.json();
    projects.push(...data.projects.nodes);
    if (!data.projects.pageInfo.hasNextPage) break;
    after = data.projects.pageInfo.endCursor;
  }
  return projects;
}

// --- The socket ------------------------------------------------------------------------------------------------

function setState(state, text) {
  $('state').dataset.state = state;
  $('state-text').textContent = text;
}

/** Follow projects for as long as the page is looked at. */
function follow(ids) {
  let socket = null;
  let timer = 0;
  let wait = RETRY_FIRST_MS;

  const open = () => {
    clearTimeout(timer);
    if (socket || document.hidden) return;
    const mine = new WebSocket(new URL('/graphql', location.href.replace(/^http/, 'ws')), 'graphql-transport-ws');
    socket = mine;
    const send = (message) => mine.send(JSON.stringify(message));
    mine.onopen = () => send({ type: 'connection_init' });
    mine.onmessage = ({ data }) => {
      const { type, id, payload } = JSON.parse(data);
      if (type === 'connection_ack') {
        wait = RETRY_FIRST_MS;
        setState('live', 'live');
        ids.forEach((project, index) => {
          send({ id: String(index), type: 'subscribe', payload: { query: PROGRESS, variables: { id: project } } });
        });
      } else if (type === 'next' && payload.data) {
        show(ids[Number(id)], payload.data.projectProgress, true);
        showTotals();
      } else if (type === 'ping') {
        send({ type: 'pong' });
      }
    };
    mine.onclose = () => {
      if (socket !== mine) return;
      socket = null;
      if (document.hidden) return;
      setState('waiting', 'connecting again');
      // Not all pages at the same moment, when a service has started anew.
      timer = setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(RETRY_MAX_MS, wait * 2);
    };
  };

  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) {
      open();
    } else if (socket) {
      const mine = socket;
      socket = null;
      mine.close(1000);
    }
  });
  open();
}

async function start() {
  let projects;
  try {
    projects = await loadProjects();
  } catch {
    setState('waiting', 'the service does not answer yet');
    setTimeout(start, RETRY_MAX_MS / 3);
    return;
  }
  const largest = [...projects].sort((one, other) => other.progress.energyRaised - one.progress.energyRaised);
  largest.slice(0, SHOWN_MAX).forEach(addCard);
  $('projects').hidden = projects.length === 0;
  for (const project of projects) show(project.id, project.progress, false);
  showTotals();
  follow(projects.slice(0, FOLLOWED_MAX).map(({ id }) => id));
}

$('address').textContent = new URL('/graphql', location.href).href;
start();
