/** Manifests of krew, the plugin manager of kubectl: where an archive is, its digest, and what of it is the plugin. */
import { stringify } from 'yaml';
import type { Program } from './bundle.ts';

export interface Archive {
  /** In Go's words, which krew uses. */
  os: string;
  arch: string;
  /** Its name; where it is, the release says. */
  file: string;
  sha256: string;
}

const words: Record<Program, { short: string; description: string; caveats: string }> = {
  'kubectl-migrate': {
    short: 'Move running pods, with memory, to another node',
    description:
      'Moves a running pod to another node with its memory, open files and all that it has acknowledged, or empties a ' +
      'node of all pods that can move. The cluster needs Podferry.',
    caveats: 'Podferry has to be installed in the cluster. Kubernetes rights: create podmigrations.podferry.dev.',
  },
  'kubectl-checkpoint': {
    short: 'Keep the memory of running pods for new ones',
    description:
      'Keeps what a running pod has in memory and files, so that other pods begin there. The pod itself runs on. The ' +
      'cluster needs Podferry.',
    caveats: 'Podferry has to be installed in the cluster. Kubernetes rights: create podcheckpoints.podferry.dev.',
  },
  'kubectl-probe': {
    short: 'Measure what a client of a pod misses',
    description:
      'Asks a pod again and again, over a new connection each time, and says what a client of it has missed.',
    caveats: 'Addresses of pods and services have to be reachable from here.',
  },
};

export interface Places {
  /** The directory that has the archives. */
  url: string;
  homepage: string | undefined;
}

export function manifestOf(
  program: Program,
  version: string,
  archives: readonly Archive[],
  { url, homepage }: Places,
): string {
  const { short, description, caveats } = words[program];
  return stringify({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: program.replace('kubectl-', '') },
    spec: {
      version: `v${version}`,
      ...(homepage !== undefined && { homepage }),
      shortDescription: short,
      description,
      caveats,
      platforms: archives.map(({ os, arch, file, sha256 }) => ({
        selector: { matchLabels: { os, arch } },
        uri: `${url}/${file}`,
        sha256,
        bin: program,
      })),
    },
  });
}
