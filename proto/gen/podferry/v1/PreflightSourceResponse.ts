// Original file: agent.proto

import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';
import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from '../../podferry/v1/PodManifest.ts';

export interface PreflightSourceResponse {
  'findings'?: (_podferry_v1_Finding)[];
  'manifest'?: (_podferry_v1_PodManifest | null);
}

export interface PreflightSourceResponse__Output {
  'findings': (_podferry_v1_Finding__Output)[];
  'manifest': (_podferry_v1_PodManifest__Output | null);
}
