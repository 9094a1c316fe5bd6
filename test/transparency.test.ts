/** Ordinary programs see nothing of the runner: the same output and the same status with it and without it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ioasid, root, workDirectory } from './run.js';

interface Told {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a script in a directory of its own. `$RUN` stands before each program: `env`, or `ioasid exec --`. */
function script(text: string, run: string): Told {
  const { status, stdout, stderr } = spawnSync('bash', ['-c', text], {
    encoding: 'latin1',
    timeout: 60_000,
    maxBuffer: 1 << 26,
    cwd: mkdtempSync(join(workDirectory, 'transparency-')),
    env: { ...process.env, RUN: run, PROGRAMS: join(root, 'test/programs') },
  });
  return { status, stdout, stderr };
}

const has = (command: string): boolean => spawnSync('which', [command]).status === 0;

/** What needs a command that a host may not have. */
const NEEDS: Readonly<Record<string, string>> = { git: 'git', sqlite3: 'sqlite3', make: 'make', script: 'script' };

const SCRIPTS: Readonly<Record<string, string>> = {
  'a slow reader of a pipe gets every byte': 'set -o pipefail; $RUN seq 400000 | (sleep 1; tail -1)',
  'stderr is a pipe with a slow reader': '$RUN sh -c "seq 200000 >&2" 2>&1 >/dev/null | (sleep 0.5; tail -1)',
  'one write of two megabytes is whole':
    '$RUN python3 -c "import sys; sys.stdout.write(\'x\' * 2000000)" | (sleep 0.5; wc -c)',
  'a reader that goes away': 'set -o pipefail; $RUN seq 1000000 | head -1; echo $?',
  'descriptors that the shell opened': "$RUN bash -c 'echo five >&5; echo twelve >&12' 5>a 12>b; cat a b",
  'a pipe ends when the program closes it, though its child goes on':
    '$RUN bash -c "echo out; exec >&- 2>&-; sleep 1 &" | (cat; echo end)',
  'closed standard descriptors':
    "$RUN bash -c 'ls /proc/self/fd | wc -l' <&-; $RUN bash -c 'echo lost' >&- 2>/dev/null; echo $?",
  'ignored signals': "trap '' HUP TERM USR2; $RUN grep SigIgn /proc/self/status",
  'blocked signals':
    "python3 -c 'import os,signal,sys; signal.pthread_sigmask(signal.SIG_BLOCK,[10,12,34]); os.execvp(sys.argv[1],sys.argv[1:])' $RUN grep SigBlk /proc/self/status",
  'the priority': '$RUN nice; nice -n 3 $RUN bash -c "nice; cut -d\\  -f18,19 /proc/self/stat"',
  'the soft limit of descriptors': "ulimit -Sn 300; $RUN bash -c 'ulimit -Sn; ulimit -Hn'",
  'arguments and environment that are not text':
    "env 'no-name=1' x=$'\\xff\\xfe' 'BASH_FUNC_f%%=() { echo f; }' $RUN bash -c 'printf \"%s|\" \"$@\"; f; env | grep -a -e ^x= -e no-name -e ^_= -e SHLVL -e IOASID' zero $'\\xfe' '' $'a\\nb' '*'",
  'a named pipe and a background job': "mkfifo p; $RUN bash -c 'cat p & echo through > p; wait'",
  'redirections of every kind':
    "$RUN bash -c 'exec 3>&1 4>f; echo a >&4; echo b >&3; cat <<<c; cat < <(echo d); { echo e; } 2>&1 | tr e f; cat f; [ -t 0 ] || echo no terminal'",
  'xargs -P and find':
    "mkdir -p a/b c; touch a/1 a/b/2 c/3; $RUN bash -c 'find . -type f | xargs -P3 -n1 basename | sort'",
  'tar through a pipe':
    "mkdir d; seq 1000 > d/x; ln -s x d/y; $RUN tar c d | $RUN tar t; $RUN bash -c 'tar c d | md5sum' | wc -l",
  'make -j2 with a jobserver':
    "printf 'all: a b c\\na b c:\\n\\t@$(MAKE) -s -f sub $@\\n' > Makefile; printf '%%:\\n\\t@echo $@ $(MAKEFLAGS) | tr -d 0-9\\n' > sub; $RUN make -s -j2 | sort",
  git: '$RUN git init -q . && echo x > f && $RUN git add f && $RUN git -c user.name=a -c user.email=b commit -qm c && $RUN git status --short && $RUN git log --format=%s && $RUN git show HEAD:f',
  sqlite3: "$RUN sqlite3 db 'create table t(x); insert into t values(1),(2); select sum(x) from t'",
  'python multiprocessing':
    '$RUN python3 -c \'import multiprocessing as m\nif __name__ == "__main__":\n    print(m.Pool(3).map(abs, [-1, -2, 3]))\'',
  'exit statuses': "for s in 'exit 3' 'kill -9 $$' 'kill -SEGV $$'; do $RUN sh -c \"$s\" ; echo $?; done 2>/dev/null",
  'no such program, and a file that is none':
    "$RUN /no/such 2>/dev/null; echo $?; echo x > f; $RUN ./f 2>/dev/null; echo $?; chmod +x f; echo 'echo a script' > f; $RUN env ./f 2>&1 | tail -1; PATH=/nowhere:$PATH $RUN true; echo $?",
  'a deleted directory': 'mkdir gone; cd gone; rmdir ../gone; $RUN /bin/echo here 2>/dev/null',
  'a program on a terminal': 'script -qec \'$RUN bash -c "tty | tr -d 0-9; stty size; ls -d /"\' /dev/null',
  'Ctrl-Z stops, fg goes on, Ctrl-C ends': 'python3 "$PROGRAMS/job-control.py" "$RUN"',
};

describe('with and without ioasid exec', () => {
  for (const [name, text] of Object.entries(SCRIPTS)) {
    const needs = Object.entries(NEEDS).find(([word]) => name.includes(word) || text.includes(`'${word}`))?.[1];
    test.skipIf(needs !== undefined && !has(needs))(name, () => {
      const plain = script(text, 'env');
      expect(script(text, `${ioasid} exec --`)).toEqual(plain);
      expect(plain.stdout).not.toBe('');
    });
  }
});
