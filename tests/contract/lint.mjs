// Prints what is wrong with how a schema is written, as JSON: node lint.mjs SCHEMA
import { readFileSync } from 'node:fs';
import graphql from '@graphql-eslint/eslint-plugin';
import { Linter } from 'eslint';

const [file] = process.argv.slice(2);
const [level, naming] = graphql.configs['flat/schema-recommended'].rules['@graphql-eslint/naming-convention'];
const objects = 'ObjectTypeDefinition,ObjectTypeExtension';
const config = {
  files: ['**/*.graphql'],
  plugins: { '@graphql-eslint': graphql },
  languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: file } } },
  rules: {
    ...graphql.configs['flat/schema-relay'].rules,
    // `nodes` beside `edges`, and lists that are short enough to come whole; what has no page of its own is no Node.
    '@graphql-eslint/relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
    // An action type is a thing of the domain, and not a type of the schema.
    '@graphql-eslint/naming-convention': [
      level,
      { ...naming, [objects]: { ...naming[objects], ignorePattern: '^ActionType$' } },
    ],
    '@graphql-eslint/require-deprecation-reason': 'error',
    '@graphql-eslint/no-hashtag-description': 'error',
    '@graphql-eslint/no-unreachable-types': 'error',
  },
};
const messages = new Linter().verify(readFileSync(file, 'utf8'), config, { filename: 'schema.graphql' });
console.log(JSON.stringify(messages.map(({ ruleId, line, message }) => ({ rule: ruleId, line, message }))));
