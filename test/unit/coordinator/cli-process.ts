/** kubectl-migrate, kubectl-checkpoint and kubectl-probe as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Stage } from './stage.ts';

const cli = join(import.meta.dirname, '../../../coordinator/cli');

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

export interface Started {
  child: ChildProcess;
  ended: Promise<Ended>;
}

export function start({ coordinator }: Stage, ...args: string[]): Started {
  const env = {
    PATH: process.env.PATH,
    PODFERRY_COORDINATOR: `127.0.0.1:${coordinator.listen.port}`,
    PODFERRY_INSECURE_PLAINTEXT: '1',
  };
  return startWith(env, ...args);
}

export function startWith(env: NodeJS.ProcessEnv, ...args: string[]): Started {
  return startProgram('kubectl-migrate.ts', env, args);
}

export function startProbe(...args: string[]): Started {
  return startProgram('kubectl-probe.ts', { PATH: process.env.PATH }, args);
}

export const runCheckpoint = async ({ coordinator }: Stage, ...args: string[]) =>
  await startProgram(
    'kubectl-checkpoint.ts',
    {
      PATH: process.env.PATH,
      PODFERRY_COORDINATOR: `127.0.0.1:${coordinator.listen.port}`,
      PODFERRY_INSECURE_PLAINTEXT: '1',
    },
    args,
  ).ended;

function startProgram(name: string, env: NodeJS.ProcessEnv, args: readonly string[]): Started {
  const child = spawn(process.execPath, [join(cli, name), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = async (): Promise<Ended> => {
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: code as number | null, out, err };
  };
  return { child, ended: ended() };
}

export const run = async (on: Stage, ...args: string[]) => await start(on, ...args).ended;
