/** Rules of `--inject`: one written out, or a YAML file of them. */
import { existsSync, readFileSync } from 'node:fs';
import { parseRule, type Rule, rulesSchema } from '../../inject/rule.js';
import { parseFile } from '../../machine/file/parse.js';

/** @throws Error that says what is wrong, in a file by line and column */
export function readRule(text: string): Rule[] {
  return existsSync(text) ? parseFile(rulesSchema, readFileSync(text, 'utf8'), text).rules : [parseRule(text)];
}
