if (!require('typescript').createProgram) {
  throw new Error(
    'dependency-cruiser needs the compiler API of TypeScript 6: without it, it checks no TypeScript, and says nothing.',
  );
}

// The floors of docs/architecture.md, checked by `npm run check`: an import points to a lower floor, type imports included.
const FLOORS = [
  ['lib/error', 'lib/program-files'],
  [
    'lib/random',
    'lib/json',
    'lib/async',
    'lib/recent',
    'lib/asked-worker',
    'lib/group-by',
    'lib/own',
    'lib/nearest',
    'lib/folder',
    'lib/printable',
    'lib/peak-rss',
    'lib/version',
    'lib/program',
  ],
  ['lib/federation', 'lib/imaging', 'lib/weights'],
  ['lib/storage', 'lib/scoring', 'lib/nn', 'lib/phantom'],
  ['lib/aggregation', 'lib/intake', 'lib/models', 'lib/report', 'lib/dicom', 'lib/privacy', 'lib/aws'],
  ['lib/protocol', 'lib/training'],
  ['handlers', 'cdk'],
  ['gpu-tasks'],
  ['local'],
  ['localstack', 'page/api'],
  ['cli'],
  ['bench'],
  ['exports'],
];

/** Tests, and the helpers that only tests may import: `testing.ts` and `testing-*.ts` of a room, and all below `test/`. */
const HELPERS = ['/testing\\.ts$', '/testing-[a-z-]+\\.ts$', '^test/'];
const TESTS = ['\\.test\\.ts$', '\\.spec\\.ts$', ...HELPERS];

/** The files of a room: of a folder, or one file of lib's ground floor. */
const filesOf = (room) => [`^${room}/`, `^${room}\\.(ts|json)$`];

/** Imports of a room stay in it or point to a lower floor. */
const floorRules = FLOORS.flatMap((floor, index) =>
  floor.map((room) => ({
    name: `${room.replace('/', '-')}-imports-downward`,
    severity: 'error',
    from: { path: filesOf(room), pathNot: TESTS },
    to: {
      path: '^(lib|handlers|gpu-tasks|local|localstack|cli|page|bench|cdk|exports)/',
      pathNot: [room, ...FLOORS.slice(0, index).flat()].flatMap(filesOf),
    },
  })),
);

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^lib/' }, to: {} },
    ...floorRules,
    {
      // Benchmarks are not part of the product either, and may merge in memory.
      name: 'test-helpers-in-tests-only',
      severity: 'error',
      from: { pathNot: [...TESTS, '^bench/'] },
      to: { path: HELPERS },
    },
    {
      name: 'sdk-only-in-lib-aws',
      severity: 'error',
      from: { path: '^(lib|handlers|gpu-tasks)/', pathNot: ['^lib/aws/', ...TESTS] },
      to: { path: '@aws-sdk' },
    },
    {
      name: 'cdk-sees-declarations-only',
      severity: 'error',
      from: { path: '^cdk/' },
      to: {
        path: '^(lib|handlers|gpu-tasks)/',
        pathNot: ['^lib/(error|json|program|version)\\.ts$', '^lib/federation/'],
      },
    },
    {
      // What a browser runs: the page, the API's declarations, and the report's pure functions, whose look it shares.
      name: 'page-is-for-browsers',
      severity: 'error',
      from: { path: '^page/', pathNot: TESTS },
      to: { path: '^(lib|handlers|gpu-tasks|local|localstack|cli|bench|cdk|exports)/', pathNot: ['^lib/report/'] },
    },
    {
      name: 'api-declarations-stand-alone',
      severity: 'error',
      from: { path: '^page/api/' },
      to: { path: '^(page|lib)/', pathNot: ['^page/api/'] },
    },
    {
      name: 'handlers-know-no-training',
      severity: 'error',
      from: { path: '^handlers/' },
      to: { path: '^lib/(nn|models|training)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
