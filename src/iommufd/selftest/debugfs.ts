/**
 * The switches of fault injection in debugfs, as Linux's own tests set them (Documentation/fault-injection): they keep what
 * is written, and every allocation of this kernel may fail whatever they say.
 */
import type { FileSystem } from '../../kernel/fs/file-system.js';
import { AttributeInode } from '../../kernel/fs/inode.js';

const DEBUGFS = '/sys/kernel/debug';
const SWITCHES = {
  'failslab/ignore-gfp-wait': 'Y',
  'failslab/verbose': '2',
  'fail_page_alloc/ignore-gfp-wait': 'Y',
  'fail_page_alloc/ignore-gfp-highmem': 'Y',
  'fail_page_alloc/verbose': '2',
};

export function addFaultInjection(fs: FileSystem): void {
  fs.directory(DEBUGFS, 'all');
  for (const [name, first] of Object.entries(SWITCHES)) {
    let value = first;
    const store = (text: string): void => {
      value = text.trim();
    };
    fs.add(`${DEBUGFS}/${name}`, new AttributeInode({ show: () => `${value}\n`, store }, { mode: 0o600 }));
  }
}
