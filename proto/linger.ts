/** For how long a source that is otherwise done is there for connections that still go by way of it, as plans say it. */
import type { Plan__Output as Plan } from './gen/podferry/v1/Plan.ts';

/** As a plan's connection_linger_ms: as long as they live. */
export const unlimitedMs = 4_294_967_295;

/** From PassTraffic on, at the longest, in milliseconds. Infinity: nobody knows. */
export function longestLingerMs({ linger_ms, connection_linger_ms }: Pick<Plan, 'linger_ms' | 'connection_linger_ms'>) {
  return connection_linger_ms === unlimitedMs ? Number.POSITIVE_INFINITY : Math.max(linger_ms, connection_linger_ms);
}
