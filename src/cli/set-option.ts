/** The option --set, of the commands that take a machine. */
import { Option } from 'commander';

export function setOption(): Option {
  return new Option(
    '--set <path=value>',
    'what the machine is to have instead, as devices.vfio1.no-snoop=false; can be given again',
  ).argParser((text: string, before: readonly string[] = []) => [...before, text]);
}
