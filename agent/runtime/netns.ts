/** A pod's network namespace, entered by those that have work there. */
import { quote } from '../journal/planted.ts';

/** A shell's line that runs a script in the namespace, and does nothing once that is gone. */
export function shellLineWithin(netns: string, script: string): string {
  const argv = ['nsenter', `--net=${netns}`, '--', '/bin/sh', '-c', script];
  return `[ ! -e ${quote(netns)} ] || ${argv.map(quote).join(' ')}`;
}
