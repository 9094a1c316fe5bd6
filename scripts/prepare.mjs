// Installs and builds what is missing, and only that.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, statSync, utimesSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../', import.meta.url));

function run(what, command, args) {
  process.stderr.write(`${what} …\n`);
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}\n`);
    process.exit(1);
  }
}

/** Time of the newest file under a directory, ms. */
function newest(directory) {
  if (!existsSync(`${root}${directory}`)) return 0;
  let time = 0;
  for (const entry of readdirSync(`${root}${directory}`, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) time = Math.max(time, statSync(`${entry.parentPath}/${entry.name}`).mtimeMs);
  }
  return time;
}

const time = (file) => (existsSync(`${root}${file}`) ? statSync(`${root}${file}`).mtimeMs : 0);

/** Whether a package that package.json names is not there: a copied folder may be newer than the lock and hold less. */
function lacksPackages() {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  return Object.keys({ ...dependencies, ...devDependencies }).some(
    (name) => !existsSync(`${root}node_modules/${name}`),
  );
}

export function prepare() {
  if (time('node_modules/.package-lock.json') < time('package-lock.json') || lacksPackages()) {
    run('installing packages', 'npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  const built = 'dist/.node.tsbuildinfo';
  if (time(built) < newest('src')) {
    run('building', process.execPath, ['node_modules/typescript7/bin/tsc', '-b']);
    // The compiler leaves the file alone where nothing that is compiled has changed.
    utimesSync(`${root}${built}`, new Date(), new Date());
    run('bundling', process.execPath, ['scripts/bundle.mjs']);
  }
}

/** Builds the page (dist/web), if it is older than its sources. */
export function prepareWeb() {
  if (time('dist/web/index.html') < Math.max(newest('web'), newest('src')))
    run('building the page', process.execPath, [
      ...['node_modules/vite/bin/vite.js', 'build', '--config', 'web/vite.config.mjs', '--logLevel', 'warn'],
    ]);
}

// bin/ioasid starts this by itself. A link may lie on the way to the checkout.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) prepare();
