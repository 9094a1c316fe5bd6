/** Hosts that lack something: a run works, or says in one sentence what is missing and ends with 125. It never hangs. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, ioasid, workDirectory } from './run.js';

/** Uses a descriptor, paths and a child. */
const STORY = `'exec 3<>/dev/ioasid; ls /dev/vfio/devices | wc -l; (exit 4); echo story'`;

/** Runs a script of bash in which $IOASID is the command; it may take a minute, so that a hang is told from a slow host. */
function on(script: string, environment: Record<string, string> = {}) {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], {
    encoding: 'utf8',
    timeout: 60_000,
    cwd: mkdtempSync(join(workDirectory, 'poor-')),
    env: { ...process.env, IOASID: ioasid, ...environment },
  });
  return { status, stdout, stderr };
}

const worked = { status: 0, stdout: expect.stringMatching(/story\n$/), stderr: '' };
/** One sentence of ours on stderr. */
const sentence = (...words: string[]) => ({
  status: 125,
  stdout: '',
  stderr: expect.stringMatching(new RegExp(`^ioasid: [^\n]*${words.join('[^\n]*')}[^\n]*\n$`)),
});

const isRoot = process.getuid?.() === 0;
const namespaces = spawnSync('unshare', ['-Ur', 'true']).status === 0;

describe('a run', () => {
  test('goes on without its trace when the disk of the trace is full', () => {
    expect(on(`$IOASID exec --trace /dev/full -- sh -c ${STORY}`)).toMatchObject({
      ...worked,
      stderr: expect.stringMatching(/^ioasid: the trace ends here: ENOSPC[^\n]*\n$/),
    });
  });

  test('goes on without its trace when nobody reads it', () => {
    const { status, stdout } = on(
      `set -o pipefail; $IOASID exec --trace - -- bash -c 'for i in {1..3000}; do : </dev/ioasid; done; echo story >out' 2>&1 >/dev/null | head -1 >/dev/null; cat out`,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'story\n' });
  });

  test('says that there is no directory for temporary files', () => {
    expect(on(`$IOASID exec -- sh -c ${STORY}`, { XDG_RUNTIME_DIR: '', TMPDIR: '/nope' })).toMatchObject(
      sentence('ENOENT', '/nope', 'ioasid doctor', 'directory of runs'),
    );
  });

  test('does without XDG_RUNTIME_DIR where it cannot be written to', () => {
    expect(on(`$IOASID exec -- sh -c ${STORY}`, { XDG_RUNTIME_DIR: '/proc' })).toMatchObject(worked);
  });

  test('works with few descriptors, or says so', () => {
    const { status, stdout, stderr } = on(`ulimit -n 64; $IOASID exec -- sh -c ${STORY}`);
    if (status === 0) expect({ stdout, stderr }).toMatchObject({ stdout: worked.stdout, stderr: '' });
    else expect({ status, stdout, stderr }).toMatchObject(sentence('EMFILE|open files'));
  });

  test('says once which limit it met while it served, and its program gets that limit’s errno', () => {
    const open = `(for i in {10..40}; do eval "exec $i<>/dev/ioasid" || exit; done; sleep 1)`;
    const { status, stdout, stderr } = on(
      `ulimit -n 120; $IOASID exec -- bash -c 'for p in {1..6}; do ${open} & done; wait; echo story'`,
    );
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'story\n' });
    expect(stderr.match(/^ioasid: .*$/gm)).toEqual([expect.stringContaining('RLIMIT_NOFILE')]);
    expect(stderr).toContain('/dev/ioasid: Too many open files');
  });

  test('is reached by ctl in a directory whose name is longer than that of a socket may be', () => {
    const long = join(mkdtempSync(join(workDirectory, 'long-')), 'x'.repeat(120), 'y'.repeat(60));
    mkdirSync(long, { recursive: true });
    const script = `$IOASID exec -- sh -c 'exec 3<>/dev/ioasid; $IOASID ctl state | grep -c context; echo story'`;
    expect(on(script, { XDG_RUNTIME_DIR: '', TMPDIR: long })).toMatchObject({ ...worked, stdout: '1\nstory\n' });
  });

  test.skipIf(!namespaces)('says that there is no inotify', () => {
    const script = `unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_inotify_instances; $IOASID exec -- true'`;
    expect(on(script)).toMatchObject(sentence('inotify', 'ioasid doctor', 'inotify instances'));
  });

  test.skipIf(!namespaces)('works in a pid namespace and a user namespace of its own', () => {
    expect(on(`unshare -Urpf --mount-proc $IOASID exec -- sh -c ${STORY}`)).toMatchObject(worked);
  });

  test.skipIf(!namespaces)('of another pid namespace is not taken for one that was left behind', () => {
    const script = `$IOASID exec -- sh -c 'touch up; while [ ! -e done ]; do sleep 0.1; done; $IOASID ctl state >/dev/null && echo story' &
      while [ ! -e up ]; do sleep 0.1; done
      unshare -Urpf --mount-proc $IOASID exec -- true
      touch done; wait $!`;
    expect(on(script, { XDG_RUNTIME_DIR: mkdtempSync(join(workDirectory, 'run-')) })).toMatchObject(worked);
  });

  test.skipIf(!isRoot)('works for another user', () => {
    const script = `chmod 755 . ..; setpriv --reuid 65534 --regid 65534 --clear-groups $IOASID exec -- sh -c ${STORY}`;
    expect(on(script, { XDG_RUNTIME_DIR: '', TMPDIR: '/tmp' })).toMatchObject(worked);
  });

  test.skipIf(!isRoot)(
    'gives another user hundreds of queue descriptors, beyond what pipes of one user may hold',
    () => {
      const program = compile('test/programs/driven.c');
      const script = `chmod 755 . ..; setpriv --reuid 65534 --regid 65534 --clear-groups $IOASID exec -- ${program}`;
      expect(on(script, { XDG_RUNTIME_DIR: '', TMPDIR: '/tmp' })).toEqual({ status: 0, stdout: '', stderr: '' });
    },
  );

  test.skipIf(!isRoot)('knows the lock limit of another user’s process without CAP_SYS_RESOURCE', () => {
    const script = `setpriv --bounding-set -sys_resource --inh-caps -sys_resource $IOASID exec -- $PROGRAM`;
    expect(on(script, { PROGRAM: compile('test/programs/lock-limit.c') })).toMatchObject(worked);
  });

  test.skipIf(!namespaces)('takes no lock limit away from who is root in a user namespace of its own only', () => {
    const program = compile('test/programs/lock-limit.c');
    expect(on(`$IOASID exec -- $PROGRAM namespace`, { PROGRAM: program })).toMatchObject(worked);
  });

  test.skipIf(!isRoot)('goes before others where it may, and its program does not', () => {
    const usual = getPriority();
    const nice = `sh -c 'cut -d" " -f19 /proc/$PPID/task/$PPID/stat; nice'`;
    expect(on(`$IOASID exec -- ${nice}`)).toMatchObject({
      status: 0,
      stdout: `${Math.max(usual - 10, -20)}\n${usual}\n`,
    });
    const poor = on(`setpriv --bounding-set -sys_nice --inh-caps -sys_nice $IOASID exec -- ${nice}`);
    expect(poor).toMatchObject({ status: 0, stdout: `${usual}\n${usual}\n` });
  });

  test('that breaks while it serves ends its program, and says why in one sentence', () => {
    const script = `
      printf '%s' "const { existsSync } = require('node:fs'), { getInt16 } = DataView.prototype;
        DataView.prototype.getInt16 = function (...where) {
          if (existsSync('broken')) throw new Error('a bit fell over');
          return getInt16.apply(this, where);
        };" > bit.cjs
      NODE_OPTIONS=--require=./bit.cjs $IOASID exec -- sh -c '
        touch broken; for i in 1 2 3 4 5 6 7 8 9; do : <>/dev/ioasid; sleep 0.1; done; echo story'`;
    expect(on(script)).toMatchObject(sentence('a bit fell over'));
  });

  test.skipIf(!namespaces)('of a host that lacks something gets the commands from ioasid doctor --fix', () => {
    const { status, stdout } = on(
      `unshare -Ur bash -c 'echo 0 > /proc/sys/user/max_inotify_instances; TMPDIR=/nope XDG_RUNTIME_DIR= $IOASID doctor --fix'`,
    );
    expect(status).toBe(1);
    expect(stdout).toMatch(/^# directory of runs: set TMPDIR to a directory that you can write to\nexport TMPDIR=/m);
    expect(spawnSync('bash', ['-n'], { input: stdout }).status).toBe(0);
  });

  test('cannot begin with a program that is none', () => {
    expect(on('$IOASID exec -- /etc/passwd')).toMatchObject({ status: 126, stdout: '' });
  });
});
