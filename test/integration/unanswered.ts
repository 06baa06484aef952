import type { OpenClients, Report } from '../clients/open-clients.ts';

/** Who of those that work all the time has not been answered since, or has found something wrong; a line each. */
export async function unanswered(clients: OpenClients, before: readonly Report[]): Promise<string[]> {
  const now = await clients.look();
  return now.flatMap(({ kind, exchanges, errors }, number) => {
    const idle = /silent|blocked/.test(kind) || exchanges > (before[number]?.exchanges ?? 0);
    return errors.length > 0 || !idle ? [`${kind} (${number}): ${errors.join('; ') || 'no answer'}`] : [];
  });
}
