/**
 * The control socket of a run: `ioasid ctl` sends one line of JSON, and gets one back. The socket is in the run's
 * directory, which only its user can enter. A connection can also stay open, for somebody who looks at the run.
 */
import { openSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { BootedMachine } from '../boot.js';
import { type MachineState, machineState } from '../state.js';

const SOCKET_NAME = 'control';
/** The line with which a connection begins that stays open (live/watch.ts). */
export const WATCH = '{"command":"watch"}';
/** Longest request, characters. */
const MAX_REQUEST = 4096;

export interface ControlRequest {
  readonly command: 'state' | 'unplug' | 'plug' | 'authority';
  /** Device or policy. */
  readonly name?: string | undefined;
}
export type ControlAnswer = { readonly error: string } | { readonly state?: MachineState };

/** Carries a request out. */
export function control(machine: BootedMachine, request: ControlRequest): ControlAnswer {
  const name = request.name ?? '';
  try {
    switch (request.command) {
      case 'state':
        return { state: machineState(machine) };
      case 'unplug':
        machine.unplug(name);
        return {};
      case 'plug':
        machine.plug(name);
        return {};
      case 'authority':
        machine.setAuthority(name);
        return {};
      default:
        return { error: `no command '${String(request.command)}'` };
    }
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/**
 * The socket's path, by way of a descriptor of the directory: an address has room for 107 characters only, and a
 * directory for temporary files may have a longer name.
 */
function shortPath(directory: string): string {
  return `/proc/self/fd/${openSync(directory, 'r')}/${SOCKET_NAME}`;
}

/**
 * Listens for requests.
 * @param answer asks the owner of the machine
 * @param watch takes a connection over that asks to look at the run as it goes on
 */
export function listen(
  directory: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
  watch: (socket: Socket) => void,
): Server {
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      const end = text.indexOf('\n');
      if (end < 0 && text.length < MAX_REQUEST) return;
      socket.removeAllListeners('data');
      if (text.startsWith(WATCH)) {
        attempt(socket, () => watch(socket));
        if (text.length > end + 1) socket.emit('data', text.slice(end + 1));
        return;
      }
      parse(text.slice(0, Math.max(end, 0)), answer).then((line) => socket.end(`${JSON.stringify(line)}\n`));
    });
    socket.on('error', () => socket.destroy());
  });
  server.on('error', () => server.close());
  server.listen(shortPath(directory));
  return server;
}

/** Says what is wrong, as the only answer. */
function attempt(socket: Socket, act: () => void): void {
  try {
    act();
  } catch (error) {
    socket.end(`${JSON.stringify({ error: (error as Error).message })}\n`);
  }
}

async function parse(
  line: string,
  answer: (request: ControlRequest) => Promise<ControlAnswer>,
): Promise<ControlAnswer> {
  try {
    const request: unknown = JSON.parse(line);
    if (typeof request !== 'object' || request === null) return { error: 'a request is an object' };
    return await answer(request as ControlRequest);
  } catch (error) {
    return { error: (error as Error).message };
  }
}

/** A connection to a run. */
export function connectTo(directory: string): Socket {
  return connect(shortPath(directory));
}

/** Sends a request to a run. @throws the system's error if nobody listens */
export function ask(directory: string, request: ControlRequest): Promise<ControlAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connectTo(directory);
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    let text = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      try {
        resolve(JSON.parse(text) as ControlAnswer);
      } catch {
        reject(new Error('the run ended'));
      }
    });
  });
}
