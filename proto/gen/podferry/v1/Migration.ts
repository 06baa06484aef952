// Original file: coordinator.proto

import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from '../../podferry/v1/Plan.ts';
import type { Phase as _podferry_v1_Phase, Phase__Output as _podferry_v1_Phase__Output } from '../../podferry/v1/Phase.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from '../../podferry/v1/Finding.ts';
import type { PhaseTiming as _podferry_v1_PhaseTiming, PhaseTiming__Output as _podferry_v1_PhaseTiming__Output } from '../../podferry/v1/PhaseTiming.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from '../../podferry/v1/Moment.ts';
import type { Connections as _podferry_v1_Connections, Connections__Output as _podferry_v1_Connections__Output } from '../../podferry/v1/Connections.ts';

export interface Migration {
  'id'?: (string);
  'plan'?: (_podferry_v1_Plan | null);
  'phase'?: (_podferry_v1_Phase);
  'outcome'?: (_podferry_v1_Finding | null);
  'phases'?: (_podferry_v1_PhaseTiming)[];
  'moments'?: (_podferry_v1_Moment)[];
  'freeze_ms'?: (number | string);
  'total_ms'?: (number | string);
  'bytes_done'?: (string);
  'bytes_total'?: (string);
  'eta_ms'?: (number | string);
  'target_ip'?: (string);
  'target_sandbox_id'?: (string);
  'committed'?: (boolean);
  'created_unix_ms'?: (number | string);
  'connections'?: (_podferry_v1_Connections | null);
}

export interface Migration__Output {
  'id': (string);
  'plan': (_podferry_v1_Plan__Output | null);
  'phase': (_podferry_v1_Phase__Output);
  'outcome': (_podferry_v1_Finding__Output | null);
  'phases': (_podferry_v1_PhaseTiming__Output)[];
  'moments': (_podferry_v1_Moment__Output)[];
  'freeze_ms': (number);
  'total_ms': (number);
  'bytes_done': (string);
  'bytes_total': (string);
  'eta_ms': (number);
  'target_ip': (string);
  'target_sandbox_id': (string);
  'committed': (boolean);
  'created_unix_ms': (number);
  'connections': (_podferry_v1_Connections__Output | null);
}
