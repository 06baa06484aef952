// Original file: agent.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from '../../podferry/v1/Moment.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';

// Original file: agent.proto

export const _podferry_v1_TargetState_Step = {
  Absent: 'Absent',
  Prepared: 'Prepared',
  Waiting: 'Waiting',
  Going: 'Going',
  Running: 'Running',
  RestoreFailed: 'RestoreFailed',
  Discarded: 'Discarded',
  Finished: 'Finished',
} as const;

export type _podferry_v1_TargetState_Step =
  | 'Absent'
  | 0
  | 'Prepared'
  | 1
  | 'Waiting'
  | 2
  | 'Going'
  | 3
  | 'Running'
  | 4
  | 'RestoreFailed'
  | 5
  | 'Discarded'
  | 6
  | 'Finished'
  | 7

export type _podferry_v1_TargetState_Step__Output = typeof _podferry_v1_TargetState_Step[keyof typeof _podferry_v1_TargetState_Step]

export interface TargetState {
  'migration'?: (string);
  'step'?: (_podferry_v1_TargetState_Step);
  'plan'?: (_podferry_v1_Plan | null);
  'moments'?: (_podferry_v1_Moment)[];
  'fault'?: (_podferry_v1_Finding | null);
  'data_address'?: (string);
  'token'?: (string);
  'pod_ip'?: (string);
  'sandbox_id'?: (string);
  'images'?: (string);
  'pod_ips'?: (string)[];
  'pod_mac'?: (string);
  'lacks_memory'?: (boolean);
}

export interface TargetState__Output {
  'migration': (string);
  'step': (_podferry_v1_TargetState_Step__Output);
  'plan': (_podferry_v1_Plan__Output | null);
  'moments': (_podferry_v1_Moment__Output)[];
  'fault': (_podferry_v1_Finding__Output | null);
  'data_address': (string);
  'token': (string);
  'pod_ip': (string);
  'sandbox_id': (string);
  'images': (string);
  'pod_ips': (string)[];
  'pod_mac': (string);
  'lacks_memory': (boolean);
}
