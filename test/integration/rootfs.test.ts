/** What a container has made of its image, and of the memory file systems in it, is the same at the target. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { open } from '../lab/index.ts';
import { logOf } from './log.ts';
import { execIn, move, type Placed, Pods } from './migrate.ts';
import { filesOf } from './root-of.ts';

const lab = open();
const pods = new Pods(lab);

afterEach(async () => await pods.remove());

/** The image has /data/from-image, /data/directory-from-image/old, /etc/passwd, /etc/group and many links in /bin. */
const changes = `
set -e
cd /data
rm from-image
rm -r directory-from-image; mkdir directory-from-image; echo new >directory-from-image/new
mv /etc/passwd /etc/passwd.old
chown 7:8 /etc/group; chmod 600 /etc/group
rm /bin/xzcat; mkdir /bin/xzcat; echo inside >/bin/xzcat/file
rm /bin/zcat; echo file >/bin/zcat
rm -r /root; echo file >/root
mkdir -p empty deep/er/and/deeper; chmod 1777 empty; chmod 0 deep/er
echo set-id >set-id; chown 1000:1000 set-id; chmod 6755 set-id
echo nobody >nobody; chmod 0 nobody
: >nothing; echo capable >capable
ln -s /nowhere dangling; ln -s ../data/nothing relative; chown -h 5:6 dangling
echo linked >link-1; ln link-1 link-2; mkdir links; ln link-1 links/link-3
echo one >moved-1; mv moved-1 moved-2
mkfifo -m 640 fifo; mknod node c 1 3; chmod 604 node
dd if=/dev/urandom of=large bs=1M count=24 2>/dev/null; echo more >>large
dd if=/dev/urandom of=sparse bs=4k count=2 seek=50000 2>/dev/null
touch -d @1 old; touch -d @4000000000 young
mkdir names; cd names
echo 1 >'with space'; echo 2 >-dash; echo 3 >'quo"te'; echo 4 >"$(printf 'new\\nline')"; echo 5 >'naïve …'
echo 6 >"$(printf 'latin-1 \\344')"; echo 7 >'back\\slash'; echo 8 >'*'; echo 9 >'.hidden'; echo 10 >'~'
echo 11 >$(printf '%0255d' 0)
mkdir /dev/own /dev/shm/own /tmp/own
for place in /dev/own /dev/shm/own /tmp/own; do
  cd $place; echo file >file; chmod 640 file; chown 3:4 file; ln file link; ln -s file symbolic; mkfifo fifo
  mkdir -m 2770 directory; echo $RANDOM >directory/random; touch -d @1000000000 directory/random
done
echo at the top >/dev/top
`;

it('deletions, replacements, links, devices, owners, modes, times, holes and names', async () => {
  const pod = await pods.run({ name: 'changer', image: 'files', command: ['/bin/sh', '-c', 'sleep 100000'] });
  await execIn(lab, pod, ['sh', '-c', changes]);
  await lab.run(pod.node, ['setcap', ...capability(pod)]);
  const before = filesOf(lab, pod, '/');
  expect(before).not.toHaveProperty('/data/from-image');
  expect(before['/data/links/link-3']).toBe('the same as /data/link-1');
  expect(Object.keys(before).length).toBeGreaterThan(60);
  const there = await move(lab, pod);
  expect(filesOf(lab, there, '/')).toEqual(before);
  await lab.run(there.node, ['setcap', '-v', ...capability(there)]);
  // From here on changed once more: what came with a move is changed like what came with the image.
  const again =
    'cd /data; rm link-2 large; echo x >>link-1; mv names renamed; rm -r /dev/own; echo y >/etc/passwd; mkdir -p from-image/back';
  await execIn(lab, there, ['sh', '-c', again]);
  const changed = filesOf(lab, there, '/');
  expect(filesOf(lab, await move(lab, there), '/')).toEqual(changed);
});

it('blocks of a sparse file that were never written are not written', async () => {
  const pod = await pods.run({ name: 'sparse', image: 'files', command: ['/bin/sh', '-c', 'sleep 100000'] });
  await execIn(lab, pod, ['sh', '-c', 'cd /data; dd if=/dev/urandom of=sparse bs=4k count=2 seek=50000']);
  const moved = await move(lab, pod);
  expect(Number(await execIn(lab, moved, ['sh', '-c', 'du -k /data/sparse | cut -f1']))).toBeLessThan(1024);
});

it('a read-only root stays read-only, and what is mounted in it writable', async () => {
  const pod = await pods.run({
    name: 'read-only',
    image: 'files',
    command: ['/bin/sh', '-c', 'exec 5>/dev/shm/open; while :; do date >&5; sleep 0.1; done'],
    securityContext: { readonly_rootfs: true },
  });
  const cannotWrite =
    "touch /data/new 2>&1; echo $?; touch /dev/shm/new; echo $?; grep ' / / ' /proc/self/mountinfo | cut -d' ' -f6";
  const before = await execIn(lab, pod, ['sh', '-c', cannotWrite]);
  expect(before).toBe('touch: /data/new: Read-only file system\n1\n0\nro,relatime\n');
  const moved = await move(lab, await move(lab, pod));
  expect(await execIn(lab, moved, ['sh', '-c', cannotWrite])).toBe(before);
  const size = async () => Number(await execIn(lab, moved, ['stat', '-c', '%s', '/dev/shm/open']));
  const now = await size();
  await expect.poll(size).toBeGreaterThan(now);
});

it('5,000 small files, of which some are changed, made and deleted all the time', async () => {
  // Every number goes into another file until all of 50 × 97 have had one, so those that are there are without a gap.
  const script = `
mkdir /data/many; cd /data/many; mkdir fresh; : >fresh/0
for d in $(seq 50); do mkdir $d; for f in $(seq 97); do echo first >$d/$f; done; done
i=0
while i=$((i+1)); do echo $i >$((i%50+1))/$((i%97+1)); echo $i >fresh/$i; rm fresh/$((i-1)); done`;
  const pod = await pods.run({ name: 'many', image: 'files', command: ['/bin/sh', '-c', script] });
  const newest = async (of: Placed) =>
    Number((await execIn(lab, of, ['ls', '/data/many/fresh'])).trim().split('\n').at(-1));
  await expect
    .poll(async () => await newest(pod).catch(() => 0), { timeout: 20_000, interval: 100 })
    .toBeGreaterThan(100);
  const moved = await move(lab, pod);
  const then = await newest(moved);
  await expect.poll(async () => await newest(moved)).toBeGreaterThan(then + 100);
  await lab.run(moved.node, ['kill', '-STOP', String(moved.pid)]);

  const top = join(lab.node(moved.node).root, `proc/${moved.pid}/root/data/many`);
  const fresh = readdirSync(join(top, 'fresh'))
    .map(Number)
    .sort((a, b) => a - b);
  expect(fresh.length).toBeLessThan(3);
  const found: number[] = [];
  for (let d = 1; d <= 50; d += 1) {
    for (let f = 1; f <= 97; f += 1) {
      const text = readFileSync(join(top, `${d}/${f}`), 'utf8').trim();
      if (text === 'first' || text === '') continue;
      expect([(Number(text) % 50) + 1, (Number(text) % 97) + 1]).toEqual([d, f]);
      found.push(Number(text));
    }
  }
  found.sort((a, b) => a - b);
  const [first = 0, last = 0] = [found[0], found.at(-1)];
  expect(found).toEqual(Array.from({ length: last - first + 1 }, (_, at) => first + at));
  expect(last).toBeGreaterThan(then);
  expect(last - (fresh.at(-1) ?? 0)).toBeLessThan(2);
});

it('a file that is appended to right up to the freeze has every line that was acknowledged, once and in order', async () => {
  // A line is printed when it is on disk.
  const script = `
i=0
while i=$((i+1)); do echo $i | dd of=/data/log oflag=append conv=notrunc,fsync 2>/dev/null || echo failed; echo $i; done`;
  const pod = await pods.run({ name: 'appender', image: 'files', command: ['/bin/sh', '-c', script] });
  const there = await move(lab, pod);
  const moved = await move(lab, there);
  const acknowledged = async () => logOf(lab, moved).length;
  const then = await acknowledged();
  await expect.poll(acknowledged).toBeGreaterThan(then + 20);
  await lab.run(moved.node, ['kill', '-STOP', String(moved.pid)]);
  const lines = (await execIn(lab, moved, ['cat', '/data/log'])).trim().split('\n').map(Number);
  expect(lines).toEqual(lines.map((_, at) => at + 1));
  // Written at both nodes; the first one has those of before and after.
  const printed = [...logOf(lab, pod), ...logOf(lab, there)].map(({ text }) => Number(text)).sort((a, b) => a - b);
  expect(printed).toEqual(printed.map((_, at) => at + 1));
  expect(lines.length - printed.length).toBeGreaterThanOrEqual(0);
  expect(lines.length - printed.length).toBeLessThan(2);
});

function capability(of: Placed): string[] {
  return ['cap_net_bind_service=ep', `/proc/${of.pid}/root/data/capable`];
}
