// Debian's packages of any release and architecture, fetched by apt into the user's cache and unpacked there, not installed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ioasid', 'hosts');
const MIRROR = process.env.DEBIAN_MIRROR || 'http://deb.debian.org/debian';

/** Runs a command. Returns its output. @throws Error */
export function run(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
  return stdout;
}

/** An apt of its own for a release and an architecture: it knows nothing of this host's packages. */
export class Release {
  #env;
  #directory;
  #stamp;

  constructor(suite, architecture) {
    this.#directory = join(cache, `${suite}-${architecture}`);
    this.#stamp = join(this.#directory, 'updated');
    const at = (name) => join(this.#directory, name);
    for (const name of ['lists/partial', 'archives/partial', 'etc']) mkdirSync(at(name), { recursive: true });
    writeFileSync(at('etc/sources.list'), `deb ${MIRROR} ${suite} main\n`);
    if (!existsSync(at('status'))) writeFileSync(at('status'), '');
    const settings = {
      'APT::Architecture': architecture,
      'APT::Architectures': architecture,
      'APT::Sandbox::User': 'root',
      'APT::Update::Error-Mode': 'any',
      'Dir::Etc::main': '/dev/null',
      'Dir::Etc::parts': '/dev/null',
      'Dir::Etc::SourceList': at('etc/sources.list'),
      'Dir::Etc::SourceParts': '/dev/null',
      'Dir::Etc::Preferences': '/dev/null',
      'Dir::Etc::PreferencesParts': '/dev/null',
      'Dir::State::Lists': at('lists'),
      'Dir::State::status': at('status'),
      'Dir::Cache': this.#directory,
      'Dir::Cache::archives': at('archives'),
    };
    // How to reach the mirror is the host's affair; what it does after each update is not wanted here.
    const reach = run('apt-config', ['dump'])
      .split('\n')
      .filter((line) => line.startsWith('Acquire'));
    const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
    writeFileSync(at('etc/apt.conf'), `${[...reach, ...lines].join('\n')}\n`);
    this.#env = { ...process.env, APT_CONFIG: at('etc/apt.conf') };
  }

  /** The newest package whose name matches. @throws Error there is none */
  newest(pattern) {
    this.#update();
    const found = run('apt-cache', ['search', '--names-only', pattern], { env: this.#env }).split('\n');
    const names = found.map((line) => line.split(' ')[0]).filter((name) => name);
    const collator = new Intl.Collator('en', { numeric: true });
    const [name] = names.sort((a, b) => collator.compare(b, a));
    if (!name) throw new Error(`no package matches ${pattern}`);
    return name;
  }

  /** Unpacks packages into one directory, once. Returns it. @param name of the directory */
  unpack(name, packages) {
    const target = join(this.#directory, name);
    if (existsSync(target)) return target;
    this.#update();
    const [downloads, partial] = [join(this.#directory, `${name}.debs`), `${target}.partial`];
    for (const directory of [downloads, partial]) {
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
    }
    run('apt-get', ['-q', 'download', ...packages], { cwd: downloads, env: this.#env });
    for (const file of readdirSync(downloads)) run('dpkg-deb', ['-x', join(downloads, file), partial]);
    rmSync(downloads, { recursive: true });
    renameSync(partial, target);
    return target;
  }

  #update() {
    if (this.#isFresh()) return;
    run('apt-get', ['-q', 'update'], { env: this.#env });
    writeFileSync(this.#stamp, '');
  }

  /** Lists of the last day do: fetching them takes longer than to boot. */
  #isFresh() {
    return existsSync(this.#stamp) && Date.now() - statSync(this.#stamp).mtimeMs < 86_400_000;
  }
}

/** Unpacks a package of npm, for another machine than this one, once. Returns its directory. */
export function npmPackage(name, version) {
  const target = join(cache, 'npm', `${name.replace('/', '-')}-${version}`);
  if (existsSync(target)) return target;
  const partial = `${target}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  const file = run('npm', ['pack', '--silent', `${name}@${version}`], { cwd: partial }).trim();
  run('tar', ['-xzf', file, '--strip-components=1'], { cwd: partial });
  rmSync(join(partial, file));
  renameSync(partial, target);
  return target;
}
