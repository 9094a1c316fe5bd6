// No file of more than 300 lines, no folder with more than 12 files, tests not counted. A file has one subject.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LINES = 300;
const MAX_FILES = 12;
const SOURCE = /\.(ts|tsx|mjs|cjs)$/;
const TEST = /\.test\.ts$/;

/** Complaints about one folder and those in it. */
function folder(path, complaints) {
  let files = 0;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const at = join(path, entry.name);
    if (entry.isDirectory()) folder(at, complaints);
    else if (SOURCE.test(entry.name) && !TEST.test(entry.name)) {
      const lines = readFileSync(at, 'utf8').split('\n').length - 1;
      if (lines > MAX_LINES) complaints.push(`${at} has ${lines} lines, more than ${MAX_LINES}`);
      files++;
    }
  }
  if (files > MAX_FILES) complaints.push(`${path} has ${files} files, more than ${MAX_FILES}`);
}

/** @returns one sentence for each file or folder that is too large */
export function lineCounts(paths) {
  const complaints = [];
  for (const path of paths) folder(path, complaints);
  return complaints;
}
