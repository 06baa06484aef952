/**
 * Generates charts/podferry/README.md from the comments of values.yaml.
 *
 *   node charts/generate.ts            writes it
 *   node charts/generate.ts --check    compares only; exit code 1 when it is out of date
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMap, isScalar, type Pair, parseDocument } from 'yaml';

interface Value {
  path: string;
  fallback: unknown;
  meaning: string;
}

const chart = join(import.meta.dirname, 'podferry');
const target = join(chart, 'README.md');
const mark = '-- ';

/** Every value that a `# --` comment says the meaning of; @throws when one has none. */
function valuesOf(text: string): Value[] {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`values.yaml: ${error.message}`);
  if (!isMap(document.contents)) throw new Error('values.yaml is no map');
  return document.contents.items.flatMap((pair) => below('', pair));
}

function below(parent: string, { key, value }: Pair): Value[] {
  if (!isScalar(key)) throw new Error(`values.yaml: below ${parent} is a key that is no word`);
  const path = `${parent}${String(key.value)}`;
  const comment = key.commentBefore?.split('\n').findLast((line) => line.trim().startsWith(mark));
  if (comment !== undefined) return [{ path, fallback: plain(value), meaning: comment.trim().slice(mark.length) }];
  if (!isMap(value) || value.items.length === 0) throw new Error(`values.yaml: no "# --" says what ${path} is`);
  return value.items.flatMap((pair, index) => below(`${path}.`, index === 0 ? first(pair, value.commentBefore) : pair));
}

/** The comment of a block's first key is the block's to the parser. */
function first(pair: Pair, comment: string | null | undefined): Pair {
  if (isScalar(pair.key) && comment && !pair.key.commentBefore) pair.key.commentBefore = comment;
  return pair;
}

function plain(node: unknown): unknown {
  return isScalar(node) ? node.value : (node as { toJSON(): unknown }).toJSON();
}

function readme(values: readonly Value[]): string {
  const rows = values.map(
    ({ path, fallback, meaning }) =>
      `| \`${path}\` | ${fallback === '' ? '' : `\`${JSON.stringify(fallback)}\``} | ${meaning} |`,
  );
  return `<!-- Made from values.yaml by charts/generate.ts: change that. -->

# Podferry's chart

Agents on every node, coordinators, the node installer, and the objects that they need. See
[how to install it](../../README.md#install).

All names are fixed, so there is one release in a cluster; another is refused. The namespace has to admit privileged
pods: where pod security is enforced, label it \`pod-security.kubernetes.io/enforce: privileged\`.

| value | default | meaning |
| --- | --- | --- |
${rows.join('\n')}
`;
}

const made = readme(valuesOf(readFileSync(join(chart, 'values.yaml'), 'utf8')));
if (!process.argv.includes('--check')) {
  writeFileSync(target, made);
} else if (readFileSync(target, 'utf8') !== made) {
  console.error('charts/podferry/README.md is out of date: run npm run generate');
  process.exitCode = 1;
}
