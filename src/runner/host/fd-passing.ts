/** Hands a descriptor to another process over a unix socket: SCM_RIGHTS (unix(7), cmsg(3)). */
import { addressOf, check, LibcError, libc } from './libc.js';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CMSG_SIZE = 24; // header 16, one int, padding

interface Message {
  readonly header: Uint8Array;
  readonly control: DataView;
  /** Everything that the header points to. */
  readonly parts: readonly Uint8Array[];
}

/** A message of one byte with room for one descriptor. */
function message(): Message {
  const byte = new Uint8Array(new ArrayBuffer(8));
  const iovec = new DataView(new ArrayBuffer(16));
  iovec.setBigUint64(0, BigInt(addressOf(byte)), true);
  iovec.setBigUint64(8, 1n, true);
  const control = new DataView(new ArrayBuffer(CMSG_SIZE));
  const header = new DataView(new ArrayBuffer(56));
  header.setBigUint64(16, BigInt(addressOf(iovec)), true);
  header.setBigUint64(24, 1n, true);
  header.setBigUint64(32, BigInt(addressOf(control)), true);
  header.setBigUint64(40, BigInt(CMSG_SIZE), true);
  return {
    header: new Uint8Array(header.buffer),
    control,
    parts: [byte, new Uint8Array(iovec.buffer), new Uint8Array(control.buffer)],
  };
}

/** Sends one descriptor. @throws LibcError */
export function sendDescriptor(socket: number, fd: number): void {
  const { header, control } = message();
  control.setBigUint64(0, 20n, true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  control.setInt32(16, fd, true);
  check(libc.sendmsg(socket, addressOf(header), 0), 'sendmsg');
}

/** Receives one descriptor; waits for it. Returns undefined if the other side closed without sending one. */
export function receiveDescriptor(socket: number): number | undefined {
  const { header, control, parts } = message();
  const got = libc.recvmsg(socket, addressOf(header), MSG_CMSG_CLOEXEC);
  if (got < 0) throw new LibcError('recvmsg');
  if (got === 0 || parts.length === 0) return undefined;
  return control.getInt32(12, true) === SCM_RIGHTS ? control.getInt32(16, true) : undefined;
}
