/** What the wrapper adds to an ordinary start of a container: its own run, with a runc that does nothing. */
import type { Lab } from '../lab/index.ts';
import { round } from './quantiles.ts';

const wrapper = '/usr/local/lib/podferry/podferry-runc';
const call = ['--root', '/r', '--log', '/l', '--log-format', 'json', 'create', '--bundle', '/tmp/wrapper-bench', 'id'];
const awaited = '/run/podferry/target/mig-wrapper-bench';

/** Medians in milliseconds: of the wrapper's own time, and of that while this node awaits another migration. */
export async function measureWrapper(lab: Lab, n: number): Promise<{ idleMs: number; awaitingMs: number }> {
  const node = 'node-a';
  const medianOf = async (program: string) => {
    const script =
      'for i in $(seq "$0"); do a=$(date +%s%N); "$@"; b=$(date +%s%N); echo $((b - a)); done | sort -n | sed -n "$(($0 / 2))p"';
    const argv = ['env', 'PODFERRY_RUNC=/bin/true', program, ...call];
    return Number(await lab.run(node, ['sh', '-c', script, String(n), ...argv])) / 1e6;
  };
  await lab.run(node, ['sh', '-c', 'mkdir /tmp/wrapper-bench; echo "{}" >/tmp/wrapper-bench/config.json']);
  try {
    const bare = await medianOf('/bin/true');
    const idle = await medianOf(wrapper);
    await lab.run(node, ['sh', '-c', `mkdir -p ${awaited}; echo 60 >${awaited}/expected`]);
    const awaiting = await medianOf(wrapper);
    return { idleMs: round(idle - bare), awaitingMs: round(awaiting - bare) };
  } finally {
    await lab.run(node, ['rm', '-rf', '/tmp/wrapper-bench', awaited]);
  }
}
