/** The first thing in a checkpoint: what pod it is of. Written and read as an agent answers it. */
import { buffer } from 'node:stream/consumers';
import { Fault } from '../../../proto/fault.ts';
import type { PodManifest, PodManifest__Output } from '../../../proto/gen/podferry/v1/PodManifest.ts';
import { load } from '../../../proto/load.ts';
import type { Arriving, Entry } from '../transfer.ts';

const { responseSerialize, responseDeserialize } = load('agent.proto').podferry.v1.Agent.service.ReadCheckpoint;

export const podEntry = { channel: 'pod', op: 'manifest' } as const satisfies Entry;

/** As much as gRPC takes. */
const longest = 16 << 20;

export function isPod({ channel, op }: Entry): boolean {
  return channel === podEntry.channel && op === podEntry.op;
}

export function podToBytes(manifest: PodManifest): Buffer {
  return responseSerialize({ manifest });
}

/** @throws Fault VerifyFailed */
export async function podFrom({ size = 0 }: Entry, body: Arriving): Promise<PodManifest__Output> {
  if (size > longest) throw new Fault('VerifyFailed', `a description of a pod that has ${size} bytes is none`);
  const bytes = await buffer(body);
  try {
    const { manifest } = responseDeserialize(bytes);
    if (manifest !== null) return manifest;
  } catch (error) {
    throw Fault.from(error, 'VerifyFailed', 'the description of the pod cannot be read');
  }
  throw new Fault('VerifyFailed', 'the checkpoint does not say what pod it is of');
}
