// Who may import whom: the table of docs/architecture.md. A new arrow is a decision, made here with a reason.
const pure = {
  abi: [],
  iommu: ['abi'],
  authority: [],
  // Failures are named by errno.
  inject: ['abi'],
  // Reports are made from what others found out.
  report: [],
  // The proof that an open file can be carries the record of authority's keeper.
  kernel: ['authority', 'abi'],
  // A function's DMA port hears of its command register; pollers and mappable memory are the kernel's.
  pci: ['kernel', 'iommu', 'abi'],
  devices: ['pci', 'iommu', 'abi'],
  ioasid: ['kernel', 'iommu', 'authority', 'abi'],
  // A VFIO device file is around a device model.
  vfio: ['ioasid', 'pci', 'devices', 'kernel', 'iommu', 'authority', 'abi'],
  kvm: ['vfio', 'ioasid', 'kernel', 'iommu', 'authority', 'abi'],
  // A machine file names its authority policy, and the name is checked with the rest of the file.
  // Devices run on the kernel's timers and pollers.
  machine: ['kernel', 'iommu', 'pci', 'devices', 'authority', 'abi'],
  // The trace formats the kernel's record of a call.
  trace: ['kernel', 'abi'],
  // The policies that are checked are the modules that run.
  check: ['authority'],
  // A scenario is played on a booted machine, and told by the checker's vocabulary.
  scenario: ['check', 'machine', 'kvm', 'vfio', 'ioasid', 'kernel', 'authority', 'abi', 'trace'],
  // The search tries its candidates in the checker, and tells why there is none as scenarios.
  frontier: ['check', 'scenario', 'authority'],
};
const all = Object.keys(pure);
const node = {
  // The runner boots a machine (boot.ts), and shares device memory and file kinds with it.
  runner: all,
  cli: [...all, 'runner'],
};

const rules = Object.entries({ ...pure, ...node }).map(([folder, allowed]) => ({
  name: `${folder}-imports`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: '\\.test\\.ts$' },
  to: {
    path: '^src/',
    pathNot: [
      `^src/(${[folder, ...allowed].join('|')})/`,
      ...(node[folder] || folder === 'scenario' ? ['^src/(boot|index|state)\\.ts$'] : []),
    ],
  },
}));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-folders-know-no-node',
      severity: 'error',
      from: { path: `^src/(${all.join('|')}|boot\\.ts|index\\.ts|state\\.ts)`, pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types'],
    },
  },
};
