// Keeps the floors of scripts/lint/floors.cjs, and what else holds for imports; each rule with its reason.
const { beside, floors } = require('./scripts/lint/floors.cjs');

const SOURCE = { pathNot: '\\.test\\.ts$' };
const place = ({ folders, files = [] }) => [
  ...folders.map((folder) => `^src/${folder}/`),
  ...files.map((file) => `^src/${file}\\.ts$`),
];

const rules = floors.flatMap((floor, i) => {
  // The files of src/ itself that share a floor are one place.
  const below = [...floors.slice(i + 1).flatMap(place), ...place({ folders: [], files: floor.files })];
  return place(floor).map((path) => {
    const own = floor.folders.find((folder) => path === `^src/${folder}/`);
    const also = beside.filter(({ from }) => from === own);
    return {
      name: `${own ?? path.replace(/\W/g, '').slice('src'.length)}-imports-from-below`,
      comment: [floor.why, ...also.map(({ why }) => why)].join(' '),
      severity: 'error',
      from: { path, ...SOURCE },
      to: { path: '^src/', pathNot: [path, ...below, ...also.map(({ to }) => `^src/${to}/`)] },
    };
  });
});

const pure = floors.slice(floors.findIndex(({ name }) => name === 'search'));

module.exports = {
  forbidden: [
    ...rules,
    {
      name: 'no-circular',
      comment: 'A circle, of types too, is two files that are one: neither can be read, moved or tested alone.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'every-folder-has-a-floor',
      comment: 'A folder that no floor names would be held by no rule.',
      severity: 'error',
      from: { path: '^src/', pathNot: [...floors.flatMap(place), '\\.test\\.ts$'] },
      to: {},
    },
    {
      name: 'web-imports-pure-folders',
      comment: 'The page runs the kernel in the browser: it may import what knows neither Node nor Linux.',
      severity: 'error',
      from: { path: '^web/src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/', pathNot: pure.flatMap(place) },
    },
    {
      name: 'web-knows-no-node',
      comment: 'It runs in a browser.',
      severity: 'error',
      from: { path: '^web/src/', pathNot: '\\.test\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-folders-know-no-node',
      comment: 'The virtual kernel is a value: the same code runs under a program, in a test and in a browser.',
      severity: 'error',
      from: { path: pure.flatMap(place), ...SOURCE },
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
