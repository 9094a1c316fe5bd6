// Who may import whom: the table of docs/architecture.md. A new arrow is a decision, made here with a reason.
const pure = {
  abi: [],
  // Where bytes are, who pins and who pays for them: below everything that moves them.
  memory: ['abi'],
  iommu: ['memory', 'abi'],
  authority: [],
  // Failures are named by errno.
  inject: ['abi'],
  // Reports are made from what others found out.
  report: [],
  // The proof that an open file can be carries the record of authority's keeper.
  kernel: ['authority', 'memory', 'abi'],
  // Areas hold frames; a dma-buf is a facet of an open file.
  iopt: ['kernel', 'memory', 'abi'],
  iommufd: ['iopt', 'kernel', 'iommu', 'memory', 'abi'],
  // A function's DMA port hears of its command register; pollers and mappable memory are the kernel's.
  pci: ['kernel', 'iommu', 'authority', 'abi'],
  devices: ['pci', 'iommu', 'abi'],
  // A VFIO device file is around a PCI function; who may use it is the business of the wings.
  vfio: ['pci', 'kernel', 'iommu', 'authority', 'abi'],
  ioasid: ['vfio', 'pci', 'kernel', 'iommu', 'authority', 'memory', 'abi'],
  kvm: ['vfio', 'ioasid', 'kernel', 'iommu', 'authority', 'memory', 'abi'],
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
  // What a machine shows to somebody who looks: it reads the state of every kind of object.
  inspect: ['trace', 'machine', 'kvm', 'vfio', 'ioasid', 'devices', 'kernel', 'iommu', 'authority', 'abi'],
};
const PLAY = ['scenario', 'inspect'];
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
      ...(node[folder] || PLAY.includes(folder) ? ['^src/(boot|index|state)\\.ts$'] : []),
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
      // The page runs the kernel in the browser: it may import what knows neither Node nor Linux.
      name: 'web-imports-pure-folders',
      severity: 'error',
      from: { path: '^web/src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: `^src/(${all.join('|')})/|^src/(boot|state)\\.ts$` },
    },
    {
      name: 'web-knows-no-node',
      severity: 'error',
      from: { path: '^web/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
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
