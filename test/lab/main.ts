import { once } from 'node:events';
import { Command, Option } from 'commander';
import { down } from './down.ts';
import { defaultVersion } from './kubernetes/build.ts';
import { kubectlCommand } from './kubernetes/kubectl.ts';
import { defaultName, type Lab, open } from './lab.ts';
import { addImage } from './image.ts';
import { nodeName, type Place, placeName } from './layout.ts';
import { loadPodferryImage } from './podferry.ts';
import { runPod } from './run.ts';
import { describeStatus, labNames, status } from './status.ts';
import { defaultCache, up } from './up.ts';

// Ctrl-C takes a half-made lab away, as any other failure does.
const interrupted = new AbortController();
const say = (line: string) => console.error(`lab: ${line}`);
const named = () => new Option('--name <lab>', 'labs of different names can be up side by side').default(defaultName());

/** `exec node-a -- sh -c …` and `exec node-a sh -c …` are the same. */
const withoutDashes = (command: string[]) => (command[0] === '--' ? command.slice(1) : command);

interface UpFlags {
  name: string;
  nodes: number;
  cache: string;
  agents: boolean;
  kubernetes?: boolean;
  kubernetesVersion?: string;
  stock?: boolean;
  flat?: boolean;
  keep?: boolean;
}

/** As a shell would: this terminal, this command's signals, the program's exit code. */
async function inTheForeground(lab: Lab, place: Place, command: readonly string[]): Promise<void> {
  const child = lab.spawn(place, command, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code, by] = (await once(child, 'exit')) as [number | null, string | null];
  process.exitCode = by === null ? (code ?? 1) : 128;
}

const program = new Command('lab')
  .description('Nodes with containerd, runc and CRIU on one machine')
  .enablePositionalOptions();

program
  .command('up')
  .description('bring a lab up')
  .addOption(named())
  .option('--nodes <n>', 'how many nodes', Number, 2)
  .option('--cache <dir>', 'where the root and the images are kept', defaultCache())
  .option('--no-agents', 'without agents and coordinator')
  .option('--kubernetes', 'with a Kubernetes: kubelets, and its control plane in control')
  .option('--kubernetes-version <version>', `another one than ${defaultVersion}`)
  .option('--stock', 'as somebody’s own: nodes and a cluster that Podferry has never been to')
  .option('--flat', 'pods of all nodes on one link, and their addresses go along with them')
  .option('--keep', 'if it does not come up, leave what there is of it, to look at')
  .action(async ({ kubernetes, kubernetesVersion, ...options }: UpFlags) => {
    const started = performance.now();
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
    }
    const cluster = kubernetesVersion ?? kubernetes ?? false;
    const lab = await up({ ...options, kubernetes: cluster, say, signal: interrupted.signal });
    say(`${lab.name} is up with ${lab.nodeNames.join(', ')} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    if (lab.kubernetes) say(`from control and the nodes: KUBECONFIG=${lab.layout.kubeconfig('admin')}`);
  });

program
  .command('down')
  .description('take a lab away, whole or half')
  .addOption(named())
  .action(async (options: { name: string }) => {
    await down(options.name);
  });

program
  .command('status')
  .description('what is up: one lab, or all')
  .option('--name <lab>')
  .option('--json', 'as a JSON array on stdout')
  .action(async (options: { name?: string; json?: boolean }) => {
    const labs = await Promise.all(
      (options.name === undefined ? labNames() : [options.name]).map((name) => status(name)),
    );
    if (options.json) console.log(JSON.stringify(labs, null, 2));
    else console.log(labs.map(describeStatus).join('\n') || 'no lab is up');
  });

program
  .command('exec')
  .description('run a command in a node, or beside the nodes (control)')
  .addOption(named())
  .argument('<node>')
  .argument('<command...>')
  .passThroughOptions()
  .action(async (place: string, command: string[], options: { name: string }) => {
    await inTheForeground(open(options.name), placeName(place), withoutDashes(command));
  });

program
  .command('kubectl')
  .description("kubectl, as an administrator of the lab's Kubernetes")
  .addOption(named())
  .argument('<args...>')
  .passThroughOptions()
  .allowUnknownOption()
  .action(async (args: string[], options: { name: string }) => {
    const lab = open(options.name);
    await inTheForeground(lab, 'control', kubectlCommand(lab, withoutDashes(args)));
  });

program
  .command('image')
  .description("make an image of a root directory and load it into all nodes; without one, Podferry's own")
  .addOption(named())
  .argument('[image]', 'its name with a tag')
  .argument('[dir]')
  .argument('[command...]', 'what it runs')
  .passThroughOptions()
  .action(
    async (image: string | undefined, directory: string | undefined, command: string[], options: { name: string }) => {
      const lab = open(options.name);
      if (image === undefined) {
        for (const name of ['SIGINT', 'SIGTERM'] as const) {
          process.once(name, () => interrupted.abort(new Error(`interrupted by ${name}`)));
        }
        console.log(await loadPodferryImage(lab, say, interrupted.signal));
        return;
      }
      if (directory === undefined || command.length === 0) {
        throw new Error(
          `image ${image}: name its root directory and its command, or nothing at all for Podferry's own`,
        );
      }
      await addImage(lab, image, directory, withoutDashes(command));
    },
  );

program
  .command('run')
  .description('run a pod of one container')
  .addOption(named())
  .option('--handler <handler>', "containerd's runtime handler: runc or podferry")
  .argument('<node>')
  .argument('<pod>')
  .argument('<image>', 'redis, counter, files, tree, memory, shm, or the name of another image')
  .action(async (node: string, pod: string, image: string, options: { name: string; handler?: string }) => {
    const { handler } = options;
    const lab = open(options.name);
    if (lab.kubernetes) throw new Error(`kubelet would end it at once: npm run lab -- kubectl run ${pod} …`);
    const running = await runPod(lab, nodeName(node), { name: pod, image, ...(handler && { handler }) });
    console.log(JSON.stringify(running, null, 2));
  });

try {
  await program.parseAsync();
} catch (error) {
  // What a signal broke off fails in its own words; the signal is the reason to tell.
  const reason: unknown = interrupted.signal.aborted ? interrupted.signal.reason : error;
  // The messages carry what the causes say; the causes themselves are for debuggers.
  console.error(`lab: ${reason instanceof Error ? reason.message : String(reason)}`);
  process.exitCode = 1;
}
