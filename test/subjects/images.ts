import { join } from 'node:path';
import type { Packaged } from '../lab/packaged.ts';

/** What the subjects' containers are made of, beside the Redis that every lab has. */

const here = (name: string) => join(import.meta.dirname, name);

export const ports = {
  redis: 6379,
  redisTls: 6380,
  http: 8000,
  postgres: 5432,
  ssh: 2222,
  dns: 5353,
  edge: 7000,
} as const;

/** Python with nothing beside its own library; which program, a pod's command says. */
export const pythonImage: Packaged = {
  name: 'python',
  packages: ['python3'],
  files: [here('web.py'), here('edge.py')],
  command: ['python3', '/opt/web.py', String(ports.http)],
};

const postgresUser = 70;
/** No disk is asked to be faster than a test: what is at stake is connections. */
const postgresSettings = `
listen_addresses = '*'
max_connections = 60
fsync = off
dynamic_shared_memory_type = mmap
io_method = sync
`;

export const postgresImage: Packaged = {
  name: 'postgres',
  packages: ['postgresql'],
  users: { postgres: postgresUser },
  files: [here('sysv-free.c')],
  prepare: `
mkdir -p /run/postgresql /data /usr/local/bin
ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/
chown ${postgresUser}:${postgresUser} /run/postgresql /data
su postgres -c 'PATH=/usr/local/bin:$PATH initdb -D /data -U postgres -A trust --no-sync --locale=C -E UTF8' >&2
echo "host all all all trust" >>/data/pg_hba.conf
cat >>/data/postgresql.conf <<END
${postgresSettings}
END
`,
  command: ['env', 'LD_PRELOAD=/opt/sysv-free.so', 'postgres', '-D', '/data'],
};

/** The name in Redis' certificate; its address is another at every node. */
export const redisName = 'redis.subjects';

/** Whom a session is for. */
export const sshUser = 'someone';

export const sshImage: Packaged = {
  name: 'ssh',
  packages: ['openssh-server'],
  users: { sshd: 71, [sshUser]: 1000 },
  prepare: 'mkdir -p /run/sshd',
  command: ['sh', '-euc', startSsh()],
};

/** A host's key is made where the host is; who may come in is in the environment. */
function startSsh(): string {
  const options = [
    `Port=${ports.ssh}`,
    'HostKey=/etc/ssh/key',
    'AuthorizedKeysFile=/etc/ssh/authorized',
    'PasswordAuthentication=no',
    'UsePAM=no',
    'StrictModes=no',
    'MaxStartups=100',
    'PerSourcePenalties=no',
  ];
  return `
printf '%s\\n' "$AUTHORIZED_KEY" >/etc/ssh/authorized
ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/key
exec /usr/sbin/sshd -D -e -f /dev/null ${options.map((option) => `-o ${option}`).join(' ')}`;
}

/** What is asked for, and the answer: of the names and addresses that are nobody's. */
export const dnsDomain = 'subject.example';
export const dnsAddress = '192.0.2.7';

export const dnsImage: Packaged = {
  name: 'dns',
  packages: ['dnsmasq-base'],
  users: { dnsmasq: 72 },
  command: [
    'dnsmasq',
    '--keep-in-foreground',
    '--no-resolv',
    '--no-hosts',
    '--user=root',
    '--pid-file',
    `--port=${ports.dns}`,
    `--address=/${dnsDomain}/${dnsAddress}`,
  ],
};
