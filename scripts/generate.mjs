// Prints the generated files from their sources: run after a change of the default machine or of the schema.
import { mkdirSync, writeFileSync } from 'node:fs';
import { generated } from '../dist/machine/generated.js';

for (const [file, text] of Object.entries(generated())) {
  mkdirSync(new URL('../schema/', import.meta.url), { recursive: true });
  writeFileSync(new URL(`../${file}`, import.meta.url), text);
}
