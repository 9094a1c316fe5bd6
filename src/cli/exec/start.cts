/**
 * Starts the bundle of `ioasid exec` (scripts/bundle.mjs) with the code that V8 made of it the last time, which is half of
 * the loading. The first run keeps it beside the bundle, where it may write there; V8 itself refuses code of another
 * version or of other flags, and compiles.
 */
const fs = process.getBuiltinModule('node:fs');
const Module = process.getBuiltinModule('node:module');
const path = process.getBuiltinModule('node:path');
const vm = process.getBuiltinModule('node:vm');

const BUNDLE = path.join(__dirname, '../../bundle/');
const WRAPPER = 'exports, require, module, __filename, __dirname';
const WRITE_NEW = 'wx';
/** One for each version and each set of flags, so that two of them do not take turns. */
const KEPT_AS = [process.version, process.arch, ...process.execArgv].join('_').replace(/[^\w.=-]/g, '-');

type Exports = Record<string, unknown>;
type Wrapped = (exports: Exports, require: (id: string) => unknown, module: object, file: string, dir: string) => void;

const loaded = new Map<string, { exports: Exports }>();
const outside = Module.createRequire(BUNDLE);

/** What V8 made of a file, if it was kept, and the file has not changed since. */
function keptCode(file: string, kept: string): Buffer | undefined {
  try {
    return fs.statSync(kept).mtimeMs >= fs.statSync(file).mtimeMs ? fs.readFileSync(kept) : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps it at the end of this process: then it has what was compiled on the way, too. @param from when the file was made, ms */
function keep(script: import('node:vm').Script, kept: string, file: string, from: number): void {
  process.once('exit', () => {
    // V8 knows a source by its length: a bundle that was built meanwhile may have the same.
    if (fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs !== from) return;
    // Process ids of other pid namespaces are the same numbers.
    const draft = `${kept}.${process.pid}-${process.hrtime.bigint()}`;
    try {
      fs.writeFileSync(draft, script.createCachedData(), { flag: WRITE_NEW });
      fs.renameSync(draft, kept);
    } catch {
      // Another's directory, or a full disk: the next start compiles again.
      fs.rmSync(draft, { force: true });
    }
  });
}

/** Loads a chunk of the bundle as a CommonJS module. */
function load(name: string): Exports {
  const before = loaded.get(name);
  if (before) return before.exports;
  const file = BUNDLE + name;
  const kept = `${file}.${KEPT_AS}`;
  const cachedData = keptCode(file, kept);
  const from = cachedData === undefined ? fs.statSync(file).mtimeMs : 0;
  const source = fs.readFileSync(file, 'latin1');
  const script = new vm.Script(`(function (${WRAPPER}) {${source}\n})`, { filename: file, cachedData });
  if (cachedData === undefined) keep(script, kept, file, from);
  const module = { exports: {} };
  loaded.set(name, module);
  const run = script.runInThisContext() as Wrapped;
  run(module.exports, (id) => (id.startsWith('./') ? load(id.slice(2)) : outside(id)), module, file, BUNDLE);
  return module.exports;
}

load('exec.cjs');
