// Generates a TypeScript client and compiles it together with a program: node generate.mjs SCHEMA DOCUMENTS FOLDER
import { generate } from '@graphql-codegen/cli';
import ts from 'typescript';

const [schema, documents, folder] = process.argv.slice(2);
await generate({
  schema,
  documents,
  silent: true,
  generates: {
    [`${folder}/generated/`]: {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: 'string',
        enumType: 'native',
        strictScalars: true,
        scalars: { DateTime: 'string', Grams: 'number' },
        emitLegacyCommonJSImports: false,
      },
    },
  },
});
const program = ts.createProgram([`${folder}/client.ts`], {
  strict: true,
  noEmitOnError: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
  types: [],
});
const problems = ts.getPreEmitDiagnostics(program);
program.emit();
console.error(ts.formatDiagnostics(problems, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => '\n' }));
process.exitCode = problems.length ? 1 : 0;
