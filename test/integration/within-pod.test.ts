/** Containers of one pod that talk to each other: their connection goes along, in whichever order they are restored. */
import { afterEach, beforeAll, expect, it } from 'vitest';
import { type ContainerSpec, open } from '../lab/index.ts';
import { loadPackaged } from '../lab/packaged.ts';
import { pythonImage } from '../subjects/images.ts';
import { execIn, move, type Placed, Pods } from './migrate.ts';

const lab = open();
const pods = new Pods(lab);

// What nobody has built yet takes a minute.
beforeAll(async () => {
  await loadPackaged(lab, pythonImage);
}, 600_000);
afterEach(async () => await pods.remove());

/** Counts with Redis over one connection, several questions ahead; ends if anything is lost, doubled or reset. */
const talk = `
import signal, socket, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    try:
        connection = socket.create_connection(("127.0.0.1", 6379))
        break
    except OSError:
        time.sleep(0.05)
connection.sendall(b"CLIENT SETNAME talker\\r\\n")
answers = connection.makefile("rb")
assert answers.readline() == b"+OK\\r\\n"
count = 0
while True:
    connection.sendall(b"INCR said\\r\\n" * 20)
    for _ in range(20):
        count += 1
        answer = answers.readline()
        assert answer == b":%d\\r\\n" % count, answer
    time.sleep(0.001)
`;

const containers: Record<'redis' | 'talker', ContainerSpec> = {
  redis: { name: 'redis', image: 'redis' },
  talker: { name: 'talker', image: pythonImage.name, command: ['python3', '-c', talk] },
};

it.each([
  ['the one that has connected', 'talker', 'redis'],
  ['the one that has accepted', 'redis', 'talker'],
] as const)('%s is restored first: they talk on over their connection', async (_which, first, second) => {
  let pod: Placed = await pods.run({ ...containers[first], name: first, beside: [containers[second]] });
  await expect.poll(async () => await said(pod), { timeout: 20_000 }).toBeGreaterThan(100);
  const before = await talkerOf(pod);
  expect(before).toHaveLength(1);
  for (let moved = 0; moved < 3; moved += 1) {
    const count = await said(pod);
    pod = await move(lab, pod);
    expect(await talkerOf(pod)).toEqual(before);
    await expect.poll(async () => await said(pod), { timeout: 20_000 }).toBeGreaterThan(count + 100);
  }
  expect(await talkerOf(pod)).toEqual(before);
});

async function askRedis(pod: Placed, ...words: string[]): Promise<string> {
  const { containerId } = pod.containers['redis'] ?? pod;
  return await execIn(lab, { ...pod, containerId }, ['redis-cli', ...words]).catch(String);
}

const said = async (pod: Placed) => Number(await askRedis(pod, 'get', 'said'));

/** Which connection it is that the talker has, as Redis knows it. */
async function talkerOf(pod: Placed): Promise<string[]> {
  const list = await askRedis(pod, 'client', 'list');
  return list.split('\n').flatMap((line) => /^id=\d+ addr=\S+ laddr=\S+(?=.* name=talker )/.exec(line)?.[0] ?? []);
}
