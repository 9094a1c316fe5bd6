/** What is shipped: the package outside of the repository, man pages, completions, the GitHub Action, the container. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateAction } from '@action-validator/core';
import { validate as validateDockerfile } from 'dockerfile-utils';
import { describe, expect, test } from 'vitest';
import { root, run } from './run.js';

const isRoot = process.getuid?.() === 0;
const has = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

/** Without what npm tells the scripts that it starts: it would be this user's. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

/** Runs a script of bash. @param home where programs keep what they remember @throws what it says, unless it ends with 0 */
function bash(script: string, cwd: string, home = cwd): string {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    encoding: 'utf8',
    timeout: 300_000,
    env: { ...environment, HOME: home, XDG_RUNTIME_DIR: '' },
  });
  if (status !== 0) throw new Error(`${script}\n${stdout}${stderr}`);
  return stdout;
}

describe('npm pack (needs the npm registry)', { timeout: 600_000 }, () => {
  const place = mkdtempSync(join(tmpdir(), 'ioasid-package-'));
  chmodSync(place, 0o777);
  /** As an ordinary user, in a directory that is empty but for what is installed. */
  const asUser = (script: string): string => {
    const user = isRoot ? 'setpriv --reuid 65534 --regid 65534 --clear-groups' : '';
    return bash(`${user} bash -euo pipefail -c '${script}'`, place);
  };
  const story = 'ls /dev/vfio/devices | wc -l; exec 3<>/dev/ioasid; echo story';

  test('gives a package that an ordinary user installs into an empty prefix and runs', () => {
    const home = mkdtempSync(join(tmpdir(), 'ioasid-home-'));
    bash(`npm pack --silent --ignore-scripts --pack-destination ${place} && chmod 644 ${place}/*.tgz`, root, home);
    asUser('npm install --loglevel=error --no-audit --no-fund --prefix prefix ./ioasid-*.tgz');
    expect(asUser(`prefix/node_modules/.bin/ioasid exec -- sh -c "${story}"`)).toMatch(/^\d+\nstory\n$/);
    expect(
      asUser('prefix/node_modules/.bin/ioasid exec --machine laptop -- cat /sys/class/iommu/dmar0/uevent; echo end'),
    ).toContain('end');
    expect(asUser('prefix/node_modules/.bin/ioasid --version').trim()).toBe(
      JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
    );
  });

  test.each([22, 24])('runs on Node %i', (major) => {
    const package_ = `node-linux-${process.arch}@${major}`;
    asUser(`npm install --loglevel=error --no-audit --no-fund --prefix node-${major} ${package_}`);
    const bin = `node-${major}/node_modules/node-linux-${process.arch}/bin`;
    expect(asUser(`PATH=$PWD/${bin}:$PATH; node --version`)).toMatch(new RegExp(`^v${major}\\.`));
    expect(asUser(`PATH=$PWD/${bin}:$PATH; prefix/node_modules/.bin/ioasid exec -- sh -c "${story}"`)).toMatch(
      /^\d+\nstory\n$/,
    );
  });
});

test.skipIf(!has('groff'))('man pages have no mistake that groff knows (skipped without groff)', () => {
  const pages = readdirSync(join(root, 'man'));
  expect(pages).toContain('ioasid-exec.1');
  for (const page of pages) {
    const { stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z', join(root, 'man', page)], {
      encoding: 'utf8',
    });
    expect({ page, stderr }).toEqual({ page, stderr: '' });
  }
});

describe('completion', () => {
  const complete = (...words: string[]): string[] => {
    const script = `source <("$0" completion bash); COMP_WORDS=(ioasid "$@"); COMP_CWORD=$#; _ioasid; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, join(root, 'bin/ioasid'), ...words], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return stdout.split('\n').filter(Boolean);
  };

  test('knows commands, those below them, and options', () => {
    expect(complete('to')).toEqual(['torture']);
    expect(complete('machine', 'sh')).toEqual(['show']);
    expect(complete('exec', '--san')).toEqual(['--sanitize', '--sanitize-exit']);
    expect(complete('ctl', 'unplug', '--r')).toEqual(['--run']);
  });

  test('leaves what stands behind -- to the program', () => {
    expect(complete('exec', '--trace', 'file', '--', 'ioasi')).not.toContain('--trace');
    expect(complete('exec', '--', 'bas')).toContain('bash');
  });

  test.each(['zsh', 'fish'])('is a script that %s reads, where it is installed', (shell) => {
    const { status, stdout } = run(['completion', shell]);
    expect(status).toBe(0);
    expect(stdout).toContain('ioasid');
    if (has(shell)) expect(spawnSync(shell, ['-n'], { input: stdout }).status).toBe(0);
  });

  test('of another shell does not exist', () => {
    expect(run(['completion', 'tcsh'])).toMatchObject({ status: 125, stderr: expect.stringContaining("'tcsh'") });
  });
});

test('action.yml is an action', () => {
  expect(validateAction(readFileSync(join(root, 'action.yml'), 'utf8'))).toEqual({ actionType: 'action', errors: [] });
});

test('the Dockerfile is one', () => {
  expect(validateDockerfile(readFileSync(join(root, 'Dockerfile'), 'utf8'))).toEqual([]);
});
