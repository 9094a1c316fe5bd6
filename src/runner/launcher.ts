/**
 * The launcher: a process that puts itself under a seccomp listener, hands the listener to the supervisor, and becomes
 * the program. Started by exec.ts with the socket as descriptor 3.
 *
 * After the filter is installed nothing here may touch a call that the filter hands over before the supervisor listens;
 * so everything is loaded and prepared before, and messages go out by write(2) alone.
 */
import { sendDescriptor } from './host/fd-passing.js';
import { buildFilter } from './host/filter.js';
import { addressOf, cString, errno, libc, pointers } from './host/libc.js';
import { hostArchitecture, numberOf } from './host/syscalls.js';

const SOCKET = 3;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const FLAG_NEW_LISTENER = 1 << 3;
const FLAG_WAIT_KILLABLE_RECV = 1 << 5;
const F_SETFD = 2;
const SIG_SETMASK = 2;
const SIG_DFL = 0;
const SIG_IGN = 1;
/** Node ignores these two in every process of its own. */
const OF_NODE = [13 /* SIGPIPE */, 25 /* SIGXFSZ */];
const ENOENT = 2;
const EINVAL = 22;

function say(text: string): void {
  const bytes = new TextEncoder().encode(`ioasid: ${text}\n`);
  libc.write(2, addressOf(bytes), bytes.length);
}

function fail(text: string, status: number): never {
  say(text);
  libc.exit(status);
  throw new Error('unreachable');
}

/** Installs the filter on this thread. Returns the listener, or -errno. */
function installFilter(filter: Uint8Array): number {
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, filter.length / 8, true);
  program.setBigUint64(8, BigInt(addressOf(filter)), true);
  const install = (flags: number): number => {
    const fd = libc.syscall(numberOf('seccomp'), SECCOMP_SET_MODE_FILTER, flags, addressOf(program), 0, 0);
    return fd < 0 ? -errno() : fd;
  };
  const fd = install(FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV);
  return fd === -EINVAL ? install(FLAG_NEW_LISTENER) : fd;
}

function main(): void {
  const [ioUring = '', ignored = '0', file = '', ...rest] = process.argv.slice(2);
  const filter = buildFilter(hostArchitecture(), { ioUring: ioUring === 'io_uring' });
  const argv = [file, ...rest].map(cString);
  const argvPointers = pointers([...argv.map(addressOf), 0]);
  const noSignals = new Uint8Array(new ArrayBuffer(128));
  const go = new Uint8Array(new ArrayBuffer(8));
  const ignoredSignals = BigInt(`0x${ignored}`);

  // Node marked these close-on-exec, and ignores some signals; the program starts as any program does.
  for (const fd of [0, 1, 2]) libc.fcntl(fd, F_SETFD, 0);
  for (let signal = 1; signal <= 64; signal++) {
    if (!OF_NODE.includes(signal) && (ignoredSignals >> BigInt(signal - 1)) & 1n) libc.signal(signal, SIG_IGN);
  }
  for (const signal of OF_NODE) libc.signal(signal, SIG_DFL);
  libc.fcntl(SOCKET, F_SETFD, 1);

  if (libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    fail(`prctl(PR_SET_NO_NEW_PRIVS): ${libc.strerror(errno())}`, 125);
  const listener = installFilter(filter);
  if (listener < 0) {
    fail(
      `cannot install a seccomp listener: ${libc.strerror(-listener)}. 'ioasid doctor' says what this host lacks`,
      125,
    );
  }
  sendDescriptor(SOCKET, listener);
  libc.close(listener);
  // One byte says that the supervisor serves; none, that it is gone.
  if (libc.read(SOCKET, addressOf(go), 1) !== 1) libc.exit(125);
  libc.sigprocmask(SIG_SETMASK, addressOf(noSignals), 0);
  libc.execvp(file, addressOf(argvPointers));
  const number = errno();
  fail(`cannot run ${file}: ${libc.strerror(number)}`, number === ENOENT ? 127 : 126);
}

main();
