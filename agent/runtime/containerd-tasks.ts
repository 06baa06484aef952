/**
 * Tasks over containerd's own API: what CRI does not tell and cannot do.
 */
import { status } from '@grpc/grpc-js';
import type { Process__Output } from '../../proto/gen/containerd/v1/types/Process.ts';
import { load } from '../../proto/load.ts';
import type { Channel } from './channel.ts';
import { checkId, present } from './cri-answer.ts';
import type { Task, TaskOperations } from './runtime.ts';
import { RuntimeError, type RuntimeErrorCode } from './runtime-error.ts';

const states = {
  UNKNOWN: 'unknown',
  CREATED: 'created',
  RUNNING: 'running',
  STOPPED: 'stopped',
  PAUSED: 'paused',
  PAUSING: 'pausing',
} as const;

export function containerdTasks(channel: Channel): TaskOperations {
  const methods = load('containerd/tasks.proto').containerd.services.tasks.v1.Tasks.service;
  return {
    async task(containerId, signal) {
      const request = { container_id: checkId('Get', containerId) };
      const call = { subject: `task ${containerId}`, repeatable: true, signal };
      const answer = await ifFound(channel.send(methods.Get, request, call));
      return answer && task(present(answer.process, 'Get', containerId));
    },

    async listTasks(signal) {
      const { tasks } = await channel.send(methods.List, {}, { subject: 'tasks', repeatable: true, signal });
      return tasks.map(task);
    },

    async processes(containerId, signal) {
      const request = { container_id: checkId('ListPids', containerId) };
      const call = { subject: `task ${containerId}`, repeatable: true, signal };
      const { processes } = await channel.send(methods.ListPids, request, call);
      return processes.map(({ pid }) => pid);
    },

    async pauseTask(containerId, signal) {
      const request = { container_id: checkId('Pause', containerId) };
      await channel.send(methods.Pause, request, { subject: `task ${containerId}`, repeatable: false, signal });
    },

    async resumeTask(containerId, signal) {
      const request = { container_id: checkId('Resume', containerId) };
      await channel.send(methods.Resume, request, { subject: `task ${containerId}`, repeatable: false, signal });
    },

    async killTask(containerId, number, all, signal) {
      const request = { container_id: checkId('Kill', containerId), signal: number, all };
      await channel.send(methods.Kill, request, { subject: `task ${containerId}`, repeatable: false, signal });
    },

    async deleteTask(containerId, signal) {
      const request = { container_id: checkId('Delete', containerId) };
      const call = { subject: `task ${containerId}`, repeatable: true, signal };
      await ifFound(channel.send(methods.Delete, request, call));
    },
  };
}

const notFound: RuntimeErrorCode = status[status.NOT_FOUND] as RuntimeErrorCode;

async function ifFound<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RuntimeError && error.code === notFound) return undefined;
    throw error;
  }
}

function task({ id, container_id, pid, status, exit_status: exitStatus, exited_at }: Process__Output): Task {
  // a task that has not exited has Go's zero time, the year 1
  const seconds = Number(exited_at?.seconds ?? 0);
  const exitedAt = seconds > 0 ? new Date(seconds * 1000 + Math.floor((exited_at?.nanos ?? 0) / 1e6)) : undefined;
  return { containerId: id || container_id, pid, state: states[status], exitStatus, exitedAt };
}
