/** A pod's network namespace, entered by those that have work there. */
import { quote } from '../journal/planted.ts';

/** The node's own: an agent in a pod has another one. */
export const nodeNetns = '/proc/1/ns/net';

/** A program in the namespace, with the files that the agent sees. @param netns its path */
export function within(netns: string, ...argv: [string, ...string[]]): [string, ...string[]] {
  return ['nsenter', `--net=${netns}`, '--', ...argv];
}

/** A shell's line that runs a script in the namespace, and does nothing once that is gone. */
export function shellLineWithin(netns: string, script: string): string {
  return `[ ! -e ${quote(netns)} ] || ${within(netns, '/bin/sh', '-c', script).map(quote).join(' ')}`;
}
