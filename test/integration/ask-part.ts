/** Agents and coordinator asked past the CLI, as somebody who means them no good might. */
import { join } from 'node:path';
import {
  addressOf,
  agentIdentity,
  clientIdentity,
  coordinatorIdentity,
  type Lab,
  type NodeName,
  ports,
} from '../lab/index.ts';
import type { Answer, Question } from './call.ts';

const script = join(import.meta.dirname, 'call.ts');

export interface Who {
  /** Whose certificate is shown. */
  identity?: string;
  /** Instead: where a certificate is that is not the lab's. */
  directory?: string;
  anonymous?: boolean;
}

export async function askAgent(
  lab: Lab,
  node: NodeName,
  method: string,
  request: object,
  { identity = coordinatorIdentity, directory = lab.layout.tlsOf(identity), anonymous = false }: Who = {},
): Promise<Answer> {
  return await ask(lab, {
    service: 'Agent',
    address: `${addressOf(node)}:${ports.agent}`,
    name: agentIdentity(node),
    method,
    request,
    tls: directory,
    anonymous,
  });
}

export async function askCoordinator(
  lab: Lab,
  method: string,
  request: object,
  { identity = clientIdentity, directory = lab.layout.tlsOf(identity), anonymous = false }: Who = {},
): Promise<Answer> {
  return await ask(lab, {
    service: 'Coordinator',
    address: `${addressOf('control')}:${ports.coordinator}`,
    name: coordinatorIdentity,
    method,
    request,
    tls: directory,
    anonymous,
  });
}

async function ask(lab: Lab, question: Question): Promise<Answer> {
  const stdin = JSON.stringify(question);
  return JSON.parse(await lab.run('control', [process.execPath, script], { stdin })) as Answer;
}
