/** What could come next, as kubectl reads it. Names come from the test: tests of a cluster have those of a cluster. */
import { Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { complete } from '../../../coordinator/cli/complete/complete.ts';
import type { NameOf } from '../../../coordinator/cli/complete/names.ts';
import type { WayFlags } from '../../../coordinator/cli/way/way.ts';

const program = new Command('kubectl migrate');
const withFlags = (command: Command) =>
  command
    .option('--kubeconfig <file>', 'which cluster')
    .option('--tls-dir <directory>', 'certificates')
    .option('-n, --namespace <namespace>', 'where')
    .addOption(new Option('-o, --output <format>', 'how').choices(['json', 'yaml']));
withFlags(program.command('pod [pod]', { isDefault: true }))
  .option('--to <node>', 'where to')
  .option('--timeout <span>', 'of all')
  .option('--dry-run', 'only ask')
  .option('--from-checkpoint <name>', 'new ones')
  .option('--strategy <name>', 'how');
withFlags(program.command('get <id>')).description('one migration');
withFlags(program.command('cancel <id>')).description('roll\n  back');

const names: Record<NameOf, string[]> = {
  pod: ['redis', 'relay'],
  node: ['node-a', 'node-b'],
  namespace: ['default', 'web'],
  context: ['one'],
  checkpoint: ['warm'],
  migration: ['mig-over', 'mig-running'],
  runningMigration: ['mig-running'],
};
let asked: WayFlags | undefined;
const find = async (kind: NameOf, flags: WayFlags) => {
  asked = flags;
  return names[kind].map((name) => ({ name }));
};

it.each([
  ['', 'redis relay get\tone~migration cancel\troll~back :4'],
  ['re', 'redis relay :4'],
  ['n', 'node/node-a node/node-b :4'],
  ['node/', 'node/node-a node/node-b :4'],
  ['pod/re', 'pod/redis pod/relay :4'],
  ['redis ', ':4'],
  ['--d', '--dry-run\tonly~ask :4'],
  ['redis --dry-run --d', ':4'],
  ['redis --to ', 'node-a node-b :4'],
  ['redis --to=node-b', 'node-b :4'],
  ['redis --strategy pre', 'pre-copy :4'],
  ['redis -o ', 'json yaml :4'],
  ['redis --timeout ', ':4'],
  ['redis --kubeconfig ', ':0'],
  ['redis --tls-dir ', ':16'],
  ['--from-checkpoint w', 'warm :4'],
  ['--from-checkpoint warm ', ':4'],
  ['-n w', 'web :4'],
  ['get ', 'mig-over mig-running :4'],
  ['cancel ', 'mig-running :4'],
  ['get --to', ':4'],
  ['get mig-over ', ':4'],
  ['-n web get mig-o', 'mig-over :4'],
])('%j: %s', async (line, expected) => {
  const answer = await complete(program, line.split(' '), find);
  expect(answer.replaceAll(' ', '~').trim().split('\n').join(' ')).toBe(expected);
});

it('asks where the line says', async () => {
  await complete(program, ['-n', 'web', '--kubeconfig=/x', 'r'], find);
  expect(asked).toMatchObject({ namespace: 'web', kubeconfig: '/x', podferryNamespace: 'podferry-system' });
});

it('is silent on errors, and after a while', async () => {
  const fail = async () => await Promise.reject(new Error('no'));
  expect(await complete(program, ['redis', '--to', ''], fail)).toBe(':4\n');
  const hang = async () => await new Promise<never>(() => {});
  const began = performance.now();
  expect(await complete(program, ['re'], hang, 100)).toBe(':4\n');
  expect(performance.now() - began).toBeLessThan(2_000);
});
