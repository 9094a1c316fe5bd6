/** A file that cannot be used. The message has one line a problem: file:line:column: what is wrong. */
export class FileError extends Error {
  override readonly name = 'FileError';
}
