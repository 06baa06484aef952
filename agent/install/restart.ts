/** Restarts containerd and waits until it is what it should be. Its pods run on under their shims. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../proto/fault.ts';
import { askRunning, type Running } from './cri.ts';
import type { Node } from './node.ts';

export interface RestartOptions {
  /** A line of sh, or `auto` for systemd's. */
  restartCommand: string;
  systemdUnit: string;
  restartTimeoutMs: number;
  socket: string;
}

const pauseMs = 300;

export async function restart(
  node: Node,
  { restartCommand, systemdUnit, restartTimeoutMs, socket }: RestartOptions,
  isBack: (running: Running) => boolean,
): Promise<void> {
  const line = restartCommand === 'auto' ? `systemctl restart ${systemdUnit}` : restartCommand;
  const until = Date.now() + restartTimeoutMs;
  await node.command(line, `restarting containerd by ${JSON.stringify(line)}`, restartTimeoutMs);
  let why = '';
  do {
    try {
      if (isBack(await askRunning(node.at(socket)))) return;
      why = 'it answers, but with other runtime handlers than its configuration says';
    } catch (error) {
      why = (error as Error).message;
    }
    await sleep(pauseMs);
  } while (Date.now() < until);
  throw new Fault(
    'RuntimeUnsupported',
    `${node.name}: containerd did not come back in ${restartTimeoutMs / 1_000} s: ${why}`,
  );
}

/** Why `auto` cannot work here, or undefined. */
export function noSystemd(node: Node): string | undefined {
  const runs = node.entry('/run/systemd/system', true).kind === 'directory';
  return runs && node.program('systemctl') !== undefined ? undefined : 'systemd does not run here';
}

/** The node is as it was when this throws, as far as that was possible; it says how far. */
export async function restartOrTakeBack(
  node: Node,
  options: RestartOptions,
  takeBack: () => void,
  isBack: (running: Running) => boolean,
): Promise<void> {
  try {
    await restart(node, options, isBack);
  } catch (error) {
    takeBack();
    const after = await restart(node, options, () => true).then(
      () => 'containerd answers again',
      (again: Error) =>
        `and containerd has to be looked at now (journalctl -u ${options.systemdUnit}): ${again.message}`,
    );
    const { message } = error as Error;
    throw new Fault('RuntimeUnsupported', `${message}. The node's files are again what they were; ${after}`, {
      cause: error,
    });
  }
}
