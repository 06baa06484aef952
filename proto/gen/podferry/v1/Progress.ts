// Original file: agent.proto

import type { Phase as _podferry_v1_Phase, Phase__Output as _podferry_v1_Phase__Output } from '../../podferry/v1/Phase.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from '../../podferry/v1/Moment.ts';
import type { SourceState as _podferry_v1_SourceState, SourceState__Output as _podferry_v1_SourceState__Output } from '../../podferry/v1/SourceState.ts';
import type { Connections as _podferry_v1_Connections, Connections__Output as _podferry_v1_Connections__Output } from '../../podferry/v1/Connections.ts';

export interface Progress {
  'phase'?: (_podferry_v1_Phase);
  'bytes_done'?: (string);
  'bytes_total'?: (string);
  'moment'?: (_podferry_v1_Moment | null);
  'state'?: (_podferry_v1_SourceState | null);
  'connections'?: (_podferry_v1_Connections | null);
}

export interface Progress__Output {
  'phase': (_podferry_v1_Phase__Output);
  'bytes_done': (string);
  'bytes_total': (string);
  'moment': (_podferry_v1_Moment__Output | null);
  'state': (_podferry_v1_SourceState__Output | null);
  'connections': (_podferry_v1_Connections__Output | null);
}
