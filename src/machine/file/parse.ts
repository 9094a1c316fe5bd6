/** Reads machine files, and any YAML file that has a schema, with every problem at its line and column. */
import { isMap, isNode, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { FileError } from './file-error.js';
import { type MachineDescription, machineSchema } from './schema.js';
import { type Setting, settingAt, withSettings } from './settings.js';

/**
 * Reads a machine file.
 * @param text the file's contents; @param file its name, for messages; @param settings what it is to say instead
 * @throws FileError
 */
export function parseMachine(text: string, file: string, settings: readonly Setting[] = []): MachineDescription {
  return parseFile(machineSchema, text, file, settings);
}

/** Reads a YAML file by a schema. @throws FileError */
export function parseFile<T extends z.ZodType>(
  schema: T,
  text: string,
  file: string,
  settings: readonly Setting[] = [],
): z.output<T> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    throw new FileError(document.errors.map((e) => `${place(e.pos[0])}: ${e.message}`).join('\n'));
  }
  const result = schema.safeParse(withSettings(document.toJS(), settings), { reportInput: true });
  if (result.success) return result.data;
  const root = document.contents;
  const problems = result.error.issues.flatMap((issue) =>
    locate(issue).map(({ path, message, key }) => ({
      offset: offsetOf(root, path, key ?? false),
      setting: settingAt(settings, path),
      message,
    })),
  );
  problems.sort((a, b) => a.offset - b.offset);
  throw new FileError(
    problems
      .map(({ offset, setting, message }) => `${setting ? `--set ${setting.text}` : place(offset)}: ${message}`)
      .join('\n'),
  );
}

interface Problem {
  readonly path: readonly PropertyKey[];
  /** The key is wrong, not what it has. */
  readonly key?: boolean;
  readonly message: string;
}

/** Says what was found and what may stand there. */
function locate(issue: z.core.$ZodIssue): Problem[] {
  const { path } = issue;
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({ path: [...path, key], message: `${where}unknown key '${key}'`, key: true }));
    case 'invalid_key':
      return [{ path, message: `${where}${issue.issues[0]?.message ?? 'wrong name'}`, key: true }];
    case 'invalid_type':
      return [{ path, message: `${where}found ${found(issue.input)}, expected ${issue.expected}` }];
    case 'invalid_value':
      return [
        { path, message: `${where}found ${found(issue.input)}, expected ${issue.values.map(String).join(' or ')}` },
      ];
    case 'too_small':
      return [{ path, message: `${where}found ${found(issue.input)}, at least ${issue.minimum} is needed` }];
    case 'too_big':
      return [{ path, message: `${where}found ${found(issue.input)}, at most ${issue.maximum} is possible` }];
    case 'invalid_format':
      return [{ path, message: `${where}found ${found(issue.input)}, expected ${issue.message}` }];
    default:
      return [{ path, message: `${where}${issue.message}` }];
  }
}

function found(input: unknown): string {
  if (input === undefined) return 'nothing';
  if (input === null) return 'an empty value';
  if (Array.isArray(input)) return `a list of ${input.length}`;
  return typeof input === 'object' ? 'a map' : `'${String(input)}'`;
}

/** Where a path of keys is in the file; for a key that is missing, the map that should have it. */
function offsetOf(root: Node | null, path: readonly PropertyKey[], ofKey: boolean): number {
  let at: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const key of path) {
    if (isMap(at)) {
      const pair = at.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (!pair) break;
      at = pair.value;
      offset = (isNode(pair.key) ? pair.key.range?.[0] : undefined) ?? offset;
      if (!ofKey && key === path.at(-1) && isScalar(at)) offset = at.range?.[0] ?? offset;
    } else if (at !== null && typeof at === 'object' && 'items' in at && Array.isArray(at.items)) {
      at = at.items[Number(key)];
      offset = (isNode(at) ? at.range?.[0] : undefined) ?? offset;
    } else break;
  }
  return offset;
}
