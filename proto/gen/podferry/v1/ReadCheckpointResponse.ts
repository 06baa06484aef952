// Original file: agent.proto

import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from '../../podferry/v1/PodManifest.ts';

export interface ReadCheckpointResponse {
  'manifest'?: (_podferry_v1_PodManifest | null);
  'directory'?: (string);
}

export interface ReadCheckpointResponse__Output {
  'manifest': (_podferry_v1_PodManifest__Output | null);
  'directory': (string);
}
