import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import {PURE_ROOMS} from './.dependency-cruiser.js';

export default tseslint.config(
  {ignores: ['dist', 'node_modules', 'coverage', 'edgewise-quickstart', 'test/fixtures', 'test/golden']},
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {parserOptions: {projectService: true}},
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', {considerDefaultExhaustiveForUnions: true}],
      '@typescript-eslint/restrict-template-expressions': ['error', {allowNumber: true, allowBoolean: true}],
      '@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_'}],
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-warning-comments': ['error', {terms: ['todo', 'fixme', 'xxx', 'hack']}],
      'no-restricted-syntax': [
        'error',
        {selector: 'TSEnumDeclaration', message: 'Use a tagged union.'},
        {
          selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
          message: 'Never process.exit outside bin/: set process.exitCode or throw.',
        },
      ],
    },
  },
  {
    // The core never prints: it emits events; terminal/ and the runtime's own command line write.
    files: ['src/**/*.ts'],
    ignores: ['src/terminal/**', 'src/runtime/main.ts', 'src/lab/daemon.ts'],
    rules: {'no-console': 'error'},
  },
  {
    // They take a tenth of a second and more to load: imported inside the function that needs them, --help stays fast.
    files: ['src/**/*.ts'],
    ignores: ['src/engine/sessionWorker.ts', 'src/lab/**'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            ...['onnxruntime-node', 'ssh2', 'listr2', 'execa', 'sharp'].map(name => ({
              name,
              allowTypeImports: true,
              message: 'Heavy: import it inside the function that needs it.',
            })),
            ...['node:http', 'node:https'].map(name => ({
              name,
              allowTypeImports: true,
              message: 'It would load undici and HTTP/2 at every start: take it from runtime/nodeHttp.ts.',
            })),
          ],
        },
      ],
    },
  },
  {
    files: PURE_ROOMS.map(room => `src/${room}/**/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'process',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'performance',
          'crypto',
          'fetch',
          'Buffer',
        ].map(name => ({
          name,
          message: 'Pure rooms read no clock, environment, randomness or network: pass it in.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        {object: 'Math', property: 'random', message: 'Pass a seed.'},
        {object: 'Date', property: 'now', message: 'Pass the time.'},
      ],
      'no-restricted-syntax': [
        'error',
        {selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Pass the time.'},
        {selector: 'TSEnumDeclaration', message: 'Use a tagged union.'},
      ],
    },
  },
  {
    files: ['src/commands/**/*.ts'],
    rules: {'max-lines': ['error', {max: 90, skipBlankLines: true, skipComments: true}]},
  },
  {
    files: ['bin/*.js', '*.js'],
    languageOptions: {globals: {process: 'readonly', console: 'readonly', URL: 'readonly'}},
  },
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      'no-console': 'off',
      'no-restricted-properties': [
        'error',
        ...['it', 'test', 'describe'].flatMap(object =>
          ['only', 'todo'].map(property => ({object, property, message: 'Every test runs.'})),
        ),
      ],
    },
  },
);
