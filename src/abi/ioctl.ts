/**
 * ioctl numbers (asm-generic/ioctl.h): how one is composed, and what a table of this folder says of it. A number means
 * nothing by itself, since Linux uses numbers again for each kind of file; so there is one table a kind.
 */
import type { Struct } from './layout.js';

/** How the argument of an ioctl is to be read. */
export type Argument = 'none' | 'value' | 'fd' | Struct;

export interface Ioctl<A extends Argument = Argument> {
  readonly name: string;
  /** The whole request number, as ioctl(2) takes it. */
  readonly request: number;
  readonly argument: A;
  /** True if Linux's own headers define it: our header does not repeat it. */
  readonly linux: boolean;
}

/** _IO(type, nr): no direction, no size. */
export function io(type: number, nr: number): number {
  return (type << 8) | nr;
}

/** _IOC with a direction and a size. @param direction 1: the program writes, 2: it reads, 3: both */
export function ioc(direction: 1 | 2 | 3, type: number, nr: number, size: number): number {
  return ((direction << 30) | (size << 16) | io(type, nr)) >>> 0;
}

/** An ioctl that our own header defines. */
export function ours<A extends Argument>(name: string, type: number, nr: number, argument: A): Ioctl<A> {
  return { name, request: io(type, nr), argument, linux: false };
}

/** An ioctl that Linux's headers define. */
export function linuxs<A extends Argument>(name: string, request: number, argument: A): Ioctl<A> {
  return { name, request, argument, linux: true };
}
