/** What is against an installation, all of it at once, each with what to do. Pure. */
import { againstCriu } from '../preflight/versions.ts';
import type { Observation } from './observe.ts';
import type { Settings } from './settings.ts';

const architectures = ['x64', 'arm64'];

export function refusals(seen: Observation, settings: Pick<Settings, 'criu'>, hasOurs: boolean): string[] {
  const against = [...seen.problems];
  if (seen.platform !== 'linux' || !architectures.includes(seen.arch)) {
    against.unshift(
      `this is ${seen.platform} on ${seen.arch}: only Linux on amd64 and arm64 can take part, keep the agent off other nodes`,
    );
  }
  if (settings.criu === 'never' && !wantsOurCriu(seen, { criu: 'if-missing' }, false)) return against;
  if (settings.criu === 'never') {
    const what =
      seen.criu === undefined
        ? 'the node has no CRIU that works: install 4.0 or newer'
        : `the node's CRIU ${againstCriu(seen.criu)}`;
    against.push(`${what}, or let us bring ours (--criu if-missing)${hasOurs ? '; it has ours so far' : ''}`);
  }
  return against;
}

/** Once the node has ours it keeps it, or it would come and go with the node's own. */
export function wantsOurCriu(
  { criu }: Pick<Observation, 'criu'>,
  settings: Pick<Settings, 'criu'>,
  hasOurs: boolean,
): boolean {
  if (settings.criu === 'never') return false;
  return settings.criu === 'always' || hasOurs || criu === undefined || againstCriu(criu) !== undefined;
}
