import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './command.ts';

/**
 * The root of every node: Debian forky, for its CRIU 4.2 (bookworm's 3.17 fails on new kernels), runc 1.3 and
 * containerd 2.1. Built once, shared read-only by all nodes of all labs. The compiler is for the images' programs.
 */
const suite = 'forky';
export const debian = {
  suite,
  // A mirror's snapshot may be older than its index says it is valid.
  options: ['--aptopt=Acquire::Check-Valid-Until "false"'],
};
const recipe = 2;
const packages = [
  'busybox-static',
  'ca-certificates',
  'containerd',
  'containernetworking-plugins',
  'criu',
  'gcc',
  'iperf3',
  'iproute2',
  'iptables',
  'jq',
  'libc6-dev',
  'libgcc-s1',
  'libstdc++6',
  'netcat-openbsd',
  'nftables',
  'openssl',
  'procps',
  'redis-server',
  'redis-tools',
  'runc',
  'strace',
  'tar',
  'util-linux',
];

/** Lets CRIU dump processes of others than root where root has no CAP_SYS_RESOURCE. */
const criuLimitsSource = join(import.meta.dirname, 'criu-limits.c');
export const criuLimits = '/usr/local/lib/criu-limits.so';
const compileCriuLimits =
  `gcc -std=gnu17 -D_GNU_SOURCE -O2 -fno-builtin -Wall -Wextra -Werror -shared -fPIC -o ${criuLimits} ` +
  '/usr/local/src/criu-limits.c';

export function contentKey(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
}

/** The cached root's directory; builds it if it is not there yet, which takes half a minute. */
export async function nodeRoot(cache: string, say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const key = contentKey(suite, recipe, packages, compileCriuLimits, readFileSync(criuLimitsSource, 'utf8'));
  const root = join(cache, `root-${key}`);
  if (existsSync(root)) return root;
  say(`building the nodes' root from Debian ${suite} (once; kept in ${cache})`);
  await mkdir(cache, { recursive: true });
  const argv = [
    'mmdebstrap',
    '--quiet',
    '--variant=minbase',
    ...debian.options,
    `--include=${packages.join(',')}`,
    `--customize-hook=copy-in ${criuLimitsSource} /usr/local/src`,
    `--customize-hook=chroot "$1" ${compileCriuLimits}`,
    suite,
    `${root}.building`,
  ];
  // The builder itself holds the lock: should this process be killed, a second one waits for what the first began.
  await run(['flock', join(cache, '.lock-root'), 'sh', '-euc', buildOnce, 'build', root, ...argv], {}, signal);
  return root;
}

/** Arguments: the directory that is to be there, and what builds it beside that, ending in `.building`. */
export const buildOnce = `
root=$1
shift
[ ! -d "$root" ] || exit 0
rm -rf "$root.building"
"$@"
mv "$root.building" "$root"
`;
