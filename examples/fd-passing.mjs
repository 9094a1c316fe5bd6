// Hands a descriptor to another process over a unix socket: SCM_RIGHTS (unix(7), cmsg(3)).
import koffi from 'koffi';
import { addressOf, check } from '../dist/runner/host/libc.js';

const libc = koffi.load(null);
const sendmsg = libc.func('int64_t sendmsg(int, uintptr_t, int)');
const recvmsg = libc.func('int64_t recvmsg(int, uintptr_t, int)');
const socketpair = libc.func('int socketpair(int, int, int, uintptr_t)');

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
/** A header of 16 bytes, one int, padding. */
const CMSG_SIZE = 24;

/** Two sockets that are connected. */
export function makeSocketPair() {
  const pair = new DataView(new ArrayBuffer(8));
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, addressOf(pair)), 'socketpair');
  return [pair.getInt32(0, true), pair.getInt32(4, true)];
}

/** A message of one byte with room for one descriptor. */
function message() {
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
  // The header points to all of it.
  return { header, control, parts: [byte, iovec] };
}

/** Sends one descriptor. */
export function sendDescriptor(socket, fd) {
  const { header, control } = message();
  control.setBigUint64(0, 20n, true);
  control.setInt32(8, SOL_SOCKET, true);
  control.setInt32(12, SCM_RIGHTS, true);
  control.setInt32(16, fd, true);
  check(Number(sendmsg(socket, addressOf(header), 0)), 'sendmsg');
}

/** Receives one descriptor; waits for it. */
export function receiveDescriptor(socket) {
  const { header, control, parts } = message();
  check(Number(recvmsg(socket, addressOf(header), 0)), 'recvmsg');
  return parts.length > 0 && control.getInt32(12, true) === SCM_RIGHTS ? control.getInt32(16, true) : undefined;
}
