/** The examples by kind of caller. Each is a .graphql file here, and a .json of the same name for its variables. */
const DOCUMENTS = import.meta.glob('./*.graphql', { query: '?raw', import: 'default', eager: true });
const VARIABLES = import.meta.glob('./*.json', { query: '?raw', import: 'default', eager: true });

const example = (name, title) => ({
  name,
  title,
  query: DOCUMENTS[`./${name}.graphql`].trimEnd(),
  variables: (VARIABLES[`./${name}.json`] ?? '').trimEnd(),
});

export const CALLERS = [
  {
    name: 'Anybody',
    needs: 'no key',
    kinds: [],
    examples: [
      example('projects', 'Projects and their progress'),
      example('follow-project', 'Follow a project’s totals'),
      example('estimate', 'What a trip would be worth'),
    ],
  },
  {
    name: 'Partner app',
    needs: 'key of an app',
    kinds: ['ACTION_SOURCE'],
    examples: [
      example('record-trip', 'Record a trip'),
      example('balance', 'Balance and calculation'),
      example('donate', 'Donate energy'),
      example('trace', 'Trace every gram'),
    ],
  },
  {
    name: 'NGO or sponsor',
    needs: 'key of an NGO',
    kinds: ['NGO', 'SPONSOR'],
    examples: [
      example('follow-donations', 'Follow donations live'),
      example('donations', 'List donations'),
    ],
  },
  {
    name: 'Operator',
    needs: 'key of an operator',
    kinds: ['OPERATOR'],
    examples: [example('overview', 'Overview of everything')],
  },
];

/** What a first visit finds open: one tab for each kind of caller. */
export const FIRST_TABS = CALLERS.map(({ examples }) => examples[0]);
