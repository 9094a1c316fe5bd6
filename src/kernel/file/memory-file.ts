/** memfd_create(2) of a simulated process: an open file that is memory. */
import type { SimulatedFile } from '../../memory/ram.js';
import { Facet } from './facet.js';
import type { FileTable } from './open-file.js';

/** The memory that an open file is. */
export const MEMORY_FILE = new Facet<SimulatedFile>('memory file');

export const MEMORY_FILE_TABLE: FileTable<SimulatedFile> = {
  name: () => '/memfd:',
  release: (file) => file.close(),
  facets: [MEMORY_FILE.from((file) => file)],
};
