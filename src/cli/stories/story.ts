/**
 * What `npm start` shows: the story program (examples/wbinvd.c) under two answers to the open question, call by call,
 * side by side, from the traces of two real runs.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printHeader } from '../../abi/ioasid/header.js';
import type { TraceEvent } from '../../trace/json.js';
import { POLICIES_OF_STORY, storyText } from './story-text.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const DOORBELL = '0x8';
/** What takes longer hangs, milliseconds: on an emulated processor a run takes a minute to start. */
const RUN_TIMEOUT = 300_000;

/** What a call means to somebody who knows nothing; undefined: not worth a line. */
function meaning(event: TraceEvent): string | undefined {
  if (event.call === 'openat') return event.file?.includes('vfio') ? 'opens a device, vfio0' : `opens ${event.file}`;
  if (event.call === 'pwrite64') {
    return event.args?.offset === DOORBELL ? 'the device copies 4 KiB of its memory by DMA' : undefined;
  }
  switch (event.ioctl) {
    case 'VFIO_BIND_IOASID_FD':
      return 'binds the device';
    case 'IOASID_ALLOC':
      return 'makes an I/O address space';
    case 'VFIO_ATTACH_IOASID':
      return 'attaches the device: its DMA bypasses the caches';
    case 'IOASID_MAP_DMA':
      return 'maps its own memory for the device';
    case 'IOASID_EXECUTE_WBINVD':
      return 'asks to flush every cache of the machine';
    case 'KVM_CREATE_VM':
      return 'makes a virtual machine';
    case 'KVM_SET_DEVICE_ATTR':
      return 'gives the VM its open file as proof';
    case 'KVM_GUEST_OP':
      return 'the guest executes WBINVD';
    case 'VFIO_DETACH_IOASID':
      return 'detaches the device';
    case 'VFIO_UNBIND_IOASID_FD':
      return 'unbinds it: the device is gone';
    default:
      return undefined;
  }
}

/** The answer in words. */
function outcome(event: TraceEvent | undefined): string {
  if (!event) return '(no such call)';
  if (event.errno) return `refused, ${event.errno}`;
  if (event.ioctl === 'IOASID_EXECUTE_WBINVD') return 'flushed';
  if (event.ioctl === 'KVM_GUEST_OP') return event.out?.result === 1 ? 'flushed' : 'no-op';
  return 'ok';
}

function say(text: string): void {
  process.stdout.write(text);
}

/** Compiles the C program, or takes the Node program that makes the same system calls. */
function storyProgram(directory: string): string[] {
  const program = join(directory, 'wbinvd');
  writeFileSync(join(directory, 'ioasid.h'), printHeader());
  copyFileSync(join(root, 'examples/wbinvd.c'), join(directory, 'wbinvd.c'));
  const { status, error } = spawnSync('gcc', ['-O1', '-o', program, 'wbinvd.c'], {
    cwd: directory,
    stdio: ['ignore', 'ignore', 2],
  });
  if (status === 0) return [program];
  say(
    `(${error ? 'there is no gcc' : 'gcc failed'}, so the story is told by examples/wbinvd.mjs: the same system calls from Node)\n\n`,
  );
  return [process.execPath, join(root, 'examples/wbinvd.mjs')];
}

function run(policy: string, program: readonly string[], trace: string): TraceEvent[] {
  const command = [join(root, 'dist/cli/main.js'), 'exec', '--authority', policy, '--trace', trace, '--', ...program];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8', timeout: RUN_TIMEOUT });
  if (status !== 0) {
    process.stderr.write(
      `${stderr}the story ended with exit status ${status}; 'ioasid doctor' says what this host lacks\n`,
    );
    process.exit(1);
  }
  const events = readFileSync(trace, 'utf8').trim().split('\n');
  return events.map((line) => JSON.parse(line) as TraceEvent).filter((event) => meaning(event) !== undefined);
}

/** Tells the story. Returns the exit status. */
export function story(): number {
  const colors = process.stdout.isTTY && !process.env.NO_COLOR;
  const paint = (code: string, text: string): string => (colors ? `\u001b[${code}m${text}\u001b[0m` : text);
  const directory = mkdtempSync(join(tmpdir(), 'ioasid-story-'));
  try {
    say(`${storyText.introduction}\n\n`);
    const program = storyProgram(directory);
    const [left = [], right = []] = POLICIES_OF_STORY.map((policy) =>
      run(policy, program, join(directory, `${policy}.json`)),
    );
    const [a, b] = POLICIES_OF_STORY;
    say(paint('1', `     ${'what happens'.padEnd(62)}${a.padEnd(16)}${b}\n`));
    const first = left[0]?.pid;
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const event = left[i] ?? right[i];
      if (!event) continue;
      const itself = event.ioctl !== 'KVM_GUEST_OP' && event.call !== 'pwrite64';
      const what =
        event.pid === first
          ? `${itself ? 'process ' : ''}${meaning(event)}`
          : 'handed the descriptor, an unprivileged process asks the same';
      const answers = [outcome(left[i]), outcome(right[i])] as const;
      const differ = answers[0] !== answers[1];
      const line = `${String(i + 1).padStart(3)}  ${what.padEnd(62)}${answers[0].padEnd(16)}${answers[1].padEnd(16)}`;
      say(`${differ ? paint('1;33', `${line}<- they part`) : line.trimEnd()}\n`);
    }
    say(`\n${storyText.conclusion(left)}\n`);
    return 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
