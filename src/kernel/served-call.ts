/** The record of one call on an open file. All have one shape: many are made, and few are looked at. */
import type { Errno } from '../abi/errno.js';
import type { Fields, IoctlDetail } from './file/ioctl-detail.js';
import { type Caller, DEVICE, type OpenFile } from './file/open-file.js';
import type { CallRecord } from './watchers.js';

export class ServedCall implements CallRecord {
  readonly pid: number;
  readonly tid: number;
  readonly call: string;
  readonly fd: number;
  readonly file: string;
  readonly open: number;
  readonly device: string | undefined;
  readonly request: number | undefined;
  readonly result: number;
  readonly error: Errno | undefined;
  readonly name: string | undefined;
  readonly input: Fields | undefined;
  readonly output: Fields | undefined;

  /** @param error the call was refused, its result is -1 */
  constructor(
    { pid, tid }: Caller,
    call: string,
    fd: number,
    file: OpenFile,
    request: number | undefined,
    { name, input, output }: IoctlDetail,
    result: number,
    error: Errno | undefined,
  ) {
    this.pid = pid;
    this.tid = tid;
    this.call = call;
    this.fd = fd;
    this.file = file.name;
    this.open = file.id;
    this.device = file.facet(DEVICE);
    this.request = request;
    this.result = result;
    this.error = error;
    this.name = name;
    this.input = input;
    this.output = output;
  }
}
