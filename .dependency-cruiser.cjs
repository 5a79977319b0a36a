// The import direction of docs/architecture.md, checked by `npm run check`.
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: from },
  to: {
    path: '^(lib|handlers|gpu-tasks|localstack|cli|bench|test|cdk)/',
    pathNot: [from, '^lib/(error|random)\\.ts$', ...allowed],
  },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, path: '^lib/' }, to: {} },
    {
      name: 'lib-imports-only-lib',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(handlers|gpu-tasks|localstack|cli|bench|test|cdk)/' },
    },
    {
      name: 'sdk-only-in-storage',
      severity: 'error',
      from: { path: '^(lib|handlers|gpu-tasks)/', pathNot: '^lib/storage/|\\.test\\.ts$' },
      to: { path: '@aws-sdk' },
    },
    only('federation-stands-alone', '^lib/federation/', ['^lib/imaging/']),
    only('imaging-stands-alone', '^lib/imaging/', ['^lib/federation/']),
    only('weights-stand-alone', '^lib/weights/', []),
    only('storage-stands-alone', '^lib/storage/', ['^lib/federation/']),
    only('nn-stands-alone', '^lib/nn/', ['^lib/weights/']),
    only('models-on-nn', '^lib/models/', ['^lib/nn/', '^lib/weights/', '^lib/federation/']),
    only('phantom-on-imaging', '^lib/phantom/', ['^lib/imaging/', '^lib/federation/']),
    only('cdk-on-federation', '^cdk/', ['^lib/federation/']),
    only('aggregation-on-weights', '^lib/aggregation/', ['^lib/weights/', '^lib/storage/', '^lib/federation/']),
    {
      name: 'handlers-know-no-training',
      severity: 'error',
      from: { path: '^handlers/' },
      to: { path: '^lib/(nn|models|training)/' },
    },
    {
      name: 'entry-points-import-downwards',
      severity: 'error',
      from: { path: '^(handlers|gpu-tasks)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^(localstack|cli|bench|test|cdk)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
