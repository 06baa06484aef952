/** The floor: the same Redis outside any container, dumped and restored by CRIU on one node. Nothing is copied. */
import type { Lab } from '../../lab/index.ts';
import { fill } from '../redis.ts';
import type { Measured, Way } from './way.ts';

const port = 6390;

/** Prints two numbers: nanoseconds of the dump and of the restore. Everything it made is gone afterwards. */
const script = `
set -eu
dir=$1
pid=$(redis-cli -p ${port} info server | sed -n 's/^process_id:\\([0-9]*\\).*/\\1/p')
mkdir "$dir/images"
a=$(date +%s%N)
criu dump --tree "$pid" --images-dir "$dir/images" --log-file dump.log || { grep Error "$dir/images/dump.log" >&2; exit 1; }
b=$(date +%s%N)
# Its pid is needed again, and free when the node's init has reaped it: that is not CRIU's time.
while [ -e "/proc/$pid" ]; do sleep 0.01; done
r=$(date +%s%N)
criu restore --images-dir "$dir/images" --log-file restore.log --restore-detached || { grep Error "$dir/images/restore.log" >&2; exit 1; }
c=$(date +%s%N)
redis-cli -p ${port} ping >/dev/null
redis-cli -p ${port} shutdown nosave
echo $((b - a)) $((c - r))
`;

export async function rawCriu(lab: Lab, sizeMb: number): Promise<Way> {
  const directory = (await lab.run('node-a', ['mktemp', '-d', '/run/raw-criu.XXXXXX'])).trim();
  return {
    name: 'raw-criu',
    strategy: 'none',
    transport: 'none',
    async once(): Promise<Measured> {
      const data = `${directory}/data`;
      const options = `--port ${port} --dir ${data} --appendonly yes --save "" --enable-debug-command local`;
      const start = `mkdir -p ${data} && cd ${data} && setsid redis-server ${options} </dev/null >/dev/null 2>&1 &`;
      await lab.run('node-a', ['sh', '-c', start]);
      await fill(lab, 'node-a', '127.0.0.1', sizeMb, port);
      const [dump = 0, restore = 0] = (await lab.run('node-a', ['sh', '-c', script, 'sh', directory]))
        .trim()
        .split(' ')
        .map((ns) => Number(ns) / 1e6);
      await lab.run('node-a', ['sh', '-c', `rm -rf ${directory}/*`]);
      return { freezeMs: dump + restore, parts: { dump, restore } };
    },
    async close() {
      await lab.run('node-a', ['rm', '-rf', directory]);
    },
  };
}
