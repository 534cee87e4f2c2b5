import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Core folders: what they need of the world outside is passed in. Same list as in .dependency-cruiser.cjs. */
const CORE = [
  'tenancy',
  'time',
  'errors',
  'packed',
  'mqtt',
  'session',
  'routing',
  'retained',
  'queue',
  'event-log',
  'metadata',
  'cluster',
  'broker',
  'bridge',
];

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/target/', 'data/', 'coverage/', '.engines/'] },
  eslint.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidOperator: true },
      ],
      '@typescript-eslint/no-empty-function': 'off',
      'max-lines': ['error', { max: 500, skipBlankLines: true }],
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  {
    files: CORE.map((folder) => `src/${folder}/**/*.ts`),
    rules: {
      'no-restricted-globals': [
        'error',
        ...[
          'process',
          'setTimeout',
          'setInterval',
          'setImmediate',
          'queueMicrotask',
          'fetch',
          'performance',
          'crypto',
        ].map((name) => ({
          name,
          message: 'The core reads no clock, timer, environment or network: have it passed in.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'Use the Clock that is passed in.' },
        { object: 'Math', property: 'random', message: 'Have randomness passed in.' },
      ],
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'Use the Clock that is passed in.',
        },
      ],
    },
  },
  {
    files: ['bench/**/*.ts', 'test/**/*.ts', 'testcontainers/**/*.ts'],
    rules: { 'no-console': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['**/*.js', '**/*.cjs', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['examples/**/*.js'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', setTimeout: 'readonly', Buffer: 'readonly' },
    },
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.cjs'], languageOptions: { globals: { module: 'writable' } } },
);
