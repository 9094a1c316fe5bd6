/** Runs real programs on the virtual kernel: compiles them with gcc, starts `./bin/ioasid exec`. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printHeader } from '../src/abi/ioasid/header.js';
import { printIommufdHeader } from '../src/abi/iommufd-header.js';

export const root: string = fileURLToPath(new URL('../', import.meta.url));
export const ioasid: string = join(root, 'bin/ioasid');

const build = join(tmpdir(), `ioasid-test-${process.pid}`);
mkdirSync(build, { recursive: true });
writeFileSync(join(build, 'ioasid.h'), printHeader());
writeFileSync(join(build, 'iommufd.h'), printIommufdHeader());

/** A directory for files of the tests. */
export const workDirectory: string = build;

const compiled = new Map<string, string>();

/** Compiles a C program; the header is the one that the package prints. Returns its path. */
export function compile(source: string, flags: readonly string[] = []): string {
  const known = compiled.get(source);
  if (known) return known;
  const program = join(build, source.replaceAll('/', '-').replace(/\.c$/, ''));
  const include = ['-I', build, '-I', join(root, 'test/programs')];
  const args = [
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-pthread',
    ...include,
    '-o',
    program,
    join(root, source),
    ...flags,
  ];
  const { status, stderr } = spawnSync('gcc', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`gcc ${source} failed:\n${stderr}`);
  compiled.set(source, program);
  return program;
}

export interface Outcome {
  /** Exit status; null after a signal. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `ioasid` with arguments. */
export function run(
  args: readonly string[],
  options: { input?: string; env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Outcome {
  const { status, stdout, stderr } = spawnSync(ioasid, args, {
    encoding: 'utf8',
    timeout: 240_000,
    cwd: root,
    maxBuffer: 1 << 26,
    ...options,
  });
  return { status, stdout, stderr };
}

/** Runs a program on the virtual kernel. */
export function exec(program: readonly string[], flags: readonly string[] = []): Outcome {
  return run(['exec', ...flags, '--', ...program]);
}

/** Starts a run that goes on; `output` grows. */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(ioasid, args, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  const state = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    state.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    state.stderr += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const until = async (text: string): Promise<void> => {
    for (let i = 0; i < 1000 && !state.stdout.includes(text); i++) await new Promise((r) => setTimeout(r, 10));
    if (!state.stdout.includes(text)) throw new Error(`no '${text}' in: ${state.stdout}${state.stderr}`);
  };
  return { child, state, ended, until };
}
