// Original file: agent.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from '../../podferry/v1/Moment.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';
import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from '../../podferry/v1/CheckpointRef.ts';
import type { Connections as _podferry_v1_Connections, Connections__Output as _podferry_v1_Connections__Output } from '../../podferry/v1/Connections.ts';

// Original file: agent.proto

export const _podferry_v1_SourceState_Step = {
  Absent: 'Absent',
  Prepared: 'Prepared',
  Armed: 'Armed',
  Frozen: 'Frozen',
  Sent: 'Sent',
  Committed: 'Committed',
  RolledBackSource: 'RolledBackSource',
  Released: 'Released',
} as const;

export type _podferry_v1_SourceState_Step =
  | 'Absent'
  | 0
  | 'Prepared'
  | 1
  | 'Armed'
  | 2
  | 'Frozen'
  | 3
  | 'Sent'
  | 4
  | 'Committed'
  | 5
  | 'RolledBackSource'
  | 6
  | 'Released'
  | 7

export type _podferry_v1_SourceState_Step__Output = typeof _podferry_v1_SourceState_Step[keyof typeof _podferry_v1_SourceState_Step]

export interface SourceState {
  'migration'?: (string);
  'step'?: (_podferry_v1_SourceState_Step);
  'plan'?: (_podferry_v1_Plan | null);
  'moments'?: (_podferry_v1_Moment)[];
  'fault'?: (_podferry_v1_Finding | null);
  'dumped_bytes'?: (string);
  'sent_bytes'?: (string);
  'checkpoint'?: (_podferry_v1_CheckpointRef | null);
  'connections'?: (_podferry_v1_Connections | null);
}

export interface SourceState__Output {
  'migration': (string);
  'step': (_podferry_v1_SourceState_Step__Output);
  'plan': (_podferry_v1_Plan__Output | null);
  'moments': (_podferry_v1_Moment__Output)[];
  'fault': (_podferry_v1_Finding__Output | null);
  'dumped_bytes': (string);
  'sent_bytes': (string);
  'checkpoint': (_podferry_v1_CheckpointRef__Output | null);
  'connections': (_podferry_v1_Connections__Output | null);
}
