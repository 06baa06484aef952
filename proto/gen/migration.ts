import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from './podferry/v1/CheckpointRef.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from './podferry/v1/Finding.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from './podferry/v1/Moment.ts';
import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from './podferry/v1/Plan.ts';
import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from './podferry/v1/PodRef.ts';

export interface ProtoGrpcType {
  podferry: {
    v1: {
      CheckpointRef: MessageTypeDefinition<_podferry_v1_CheckpointRef, _podferry_v1_CheckpointRef__Output>
      Finding: MessageTypeDefinition<_podferry_v1_Finding, _podferry_v1_Finding__Output>
      Moment: MessageTypeDefinition<_podferry_v1_Moment, _podferry_v1_Moment__Output>
      Network: EnumTypeDefinition
      Phase: EnumTypeDefinition
      Plan: MessageTypeDefinition<_podferry_v1_Plan, _podferry_v1_Plan__Output>
      PodRef: MessageTypeDefinition<_podferry_v1_PodRef, _podferry_v1_PodRef__Output>
      Reason: EnumTypeDefinition
      Strategy: EnumTypeDefinition
      Transport: EnumTypeDefinition
    }
  }
}

