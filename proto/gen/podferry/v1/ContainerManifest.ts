// Original file: agent.proto

import type { ExternalMount as _podferry_v1_ExternalMount, ExternalMount__Output as _podferry_v1_ExternalMount__Output } from '../../podferry/v1/ExternalMount.ts';
import type { Tree as _podferry_v1_Tree, Tree__Output as _podferry_v1_Tree__Output } from '../../podferry/v1/Tree.ts';

export interface ContainerManifest {
  'name'?: (string);
  'id'?: (string);
  'image'?: (string);
  'config_json'?: (string);
  'descriptors'?: (string)[];
  'external_mounts'?: (_podferry_v1_ExternalMount)[];
  'trees'?: (_podferry_v1_Tree)[];
}

export interface ContainerManifest__Output {
  'name': (string);
  'id': (string);
  'image': (string);
  'config_json': (string);
  'descriptors': (string)[];
  'external_mounts': (_podferry_v1_ExternalMount__Output)[];
  'trees': (_podferry_v1_Tree__Output)[];
}
