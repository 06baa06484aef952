/** containerd's configuration on the node, with all that it imports. */
import { basename, dirname, join, matchesGlob } from 'node:path';
import { Fault } from '../../proto/fault.ts';
import { type ConfigFiles, importsOf } from './containerd-config.ts';
import type { Node } from './node.ts';

export function configFiles(node: Node, main: string): ConfigFiles {
  const files = new Map<string, string>();
  const add = (path: string) => {
    const text = files.has(path) ? undefined : node.read(path)?.toString();
    if (text === undefined) return;
    files.set(path, text);
    for (const pattern of importsIn(path, text)) {
      for (const each of matching(node, pattern.startsWith('/') ? pattern : join(dirname(path), pattern))) add(each);
    }
  };
  add(main);
  return { main, files };
}

function importsIn(path: string, text: string): string[] {
  try {
    return importsOf(text);
  } catch (error) {
    const [why = ''] = (error as Error).message.split('\n');
    const { line } = error as { line?: number };
    const where = line === undefined ? '' : `, line ${line}`;
    const advice = 'mend it, containerd cannot start with it either';
    throw new Fault('RuntimeUnsupported', `${path}${where}: ${why}: ${advice}`);
  }
}

/** In the order in which containerd reads them. */
function matching(node: Node, pattern: string): string[] {
  if (!/[*?[]/.test(pattern)) return [pattern];
  return matching(node, dirname(pattern)).flatMap((directory) =>
    node
      .list(directory)
      .filter((name) => matchesGlob(name, basename(pattern)))
      .map((name) => join(directory, name)),
  );
}
