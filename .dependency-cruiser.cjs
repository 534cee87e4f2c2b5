/** Proves the layering that CONTRIBUTING.md draws: imports go one way, only adapters know client libraries. */
const DOMAIN = [
  'session',
  'routing',
  'retained',
  'queue',
  'event-log',
  'metadata',
  'audit',
  'auth',
  'quota',
  'metrics',
  'cluster',
];
const FOUNDATION = ['tenancy', 'time', 'errors', 'packed', 'mqtt'];
const CORE = [...FOUNDATION, ...DOMAIN, 'broker'];
const folders = (names) => `^src/(${names.join('|')})/`;

/** Libraries the core may use: codecs, schemas and pure data structures, nothing that does I/O. */
const CORE_LIBRARIES = 'node_modules/(mqtt-packet|avsc|prom-client|lru-cache|zod)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|compaction-job)/', pathNot: '(main|\\.d)\\.ts$' },
      to: {},
    },
    {
      name: 'foundation-imports-foundation',
      comment: 'mqtt, tenancy, time and errors stand below everything else',
      severity: 'error',
      from: { path: folders(FOUNDATION) },
      to: { path: '^src/', pathNot: [folders(FOUNDATION), '^src/queue/message\\.ts$'] },
    },
    {
      name: 'domain-imports-domain',
      severity: 'error',
      from: { path: folders(DOMAIN) },
      to: { path: '^src/', pathNot: [folders([...FOUNDATION, ...DOMAIN]), '^src/broker/limits\\.ts$'] },
    },
    {
      name: 'broker-imports-core',
      severity: 'error',
      from: { path: '^src/broker/' },
      to: { path: '^src/', pathNot: folders(CORE) },
    },
    {
      name: 'bridge-imports-core',
      severity: 'error',
      from: { path: '^src/bridge/' },
      to: { path: '^src/', pathNot: folders([...CORE, 'bridge']) },
    },
    {
      name: 'transport-and-admin-import-core',
      severity: 'error',
      from: { path: '^src/(transport|admin)/(.*)' },
      to: { path: '^src/', pathNot: [folders(CORE), '^src/$1/'] },
    },
    {
      name: 'adapters-import-ports',
      comment: 'an adapter knows the port it implements and the pure codecs of that module, no other adapter',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: {
        path: '^src/',
        pathNot: [
          folders(CORE.filter((name) => name !== 'broker')),
          '^src/bridge/bus\\.ts$',
          '^src/adapters/$1/',
        ],
      },
    },
    {
      name: 'only-app-wires-adapters',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(adapters|app)/', '^src/cli/'] },
      to: { path: '^src/adapters/' },
    },
    {
      name: 'core-does-no-io',
      severity: 'error',
      from: { path: folders([...CORE.filter((name) => name !== 'auth'), 'bridge']) },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(buffer|zlib)$' },
    },
    {
      name: 'core-uses-no-client-library',
      severity: 'error',
      from: { path: folders([...CORE, 'bridge']) },
      to: { dependencyTypes: ['npm', 'npm-dev'], pathNot: CORE_LIBRARIES },
    },
    {
      name: 'client-libraries-in-adapters-only',
      severity: 'error',
      from: { path: '^(src|compaction-job)/', pathNot: ['^src/adapters/', '^src/fleet/'] },
      to: { path: 'node_modules/(kafkajs|hbase-rpc-client|ioredis|mysql2|mqtt|hash-wasm|jose)/' },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|engines|chaos|testcontainers|compaction-job)/' },
    },
    {
      name: 'compaction-job-knows-no-broker',
      comment: 'a process of its own: it shares the fold with the broker and nothing that serves clients',
      severity: 'error',
      from: { path: '^compaction-job/' },
      to: {
        path: '^src/',
        pathNot: [
          folders(CORE.filter((name) => name !== 'broker')),
          '^src/app/',
          '^src/cli/duration\\.ts$',
          '^src/transport/system-time\\.ts$',
          '^src/adapters/',
        ],
      },
    },
    {
      name: 'compaction-job-opens-stores-in-one-place',
      severity: 'error',
      from: { path: '^compaction-job/', pathNot: 'open-stores\\.ts$' },
      to: { path: '^src/adapters/' },
    },
    {
      name: 'engines-know-the-product-from-above',
      comment:
        'they make tables as the command line does, and are otherwise independent of what is tested against them',
      severity: 'error',
      from: { path: '^engines/' },
      to: { path: '^src/', pathNot: '^src/app/' },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(bench/node_modules|bench/dist|dist)/' },
  },
};
