import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AgentClient as _podferry_v1_AgentClient, AgentDefinition as _podferry_v1_AgentDefinition } from './podferry/v1/Agent.ts';
import type { ArmRequest as _podferry_v1_ArmRequest, ArmRequest__Output as _podferry_v1_ArmRequest__Output } from './podferry/v1/ArmRequest.ts';
import type { AwaitTargetPodRequest as _podferry_v1_AwaitTargetPodRequest, AwaitTargetPodRequest__Output as _podferry_v1_AwaitTargetPodRequest__Output } from './podferry/v1/AwaitTargetPodRequest.ts';
import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from './podferry/v1/CheckpointRef.ts';
import type { Connections as _podferry_v1_Connections, Connections__Output as _podferry_v1_Connections__Output } from './podferry/v1/Connections.ts';
import type { ContainerManifest as _podferry_v1_ContainerManifest, ContainerManifest__Output as _podferry_v1_ContainerManifest__Output } from './podferry/v1/ContainerManifest.ts';
import type { DiscardRequest as _podferry_v1_DiscardRequest, DiscardRequest__Output as _podferry_v1_DiscardRequest__Output } from './podferry/v1/DiscardRequest.ts';
import type { ExternalMount as _podferry_v1_ExternalMount, ExternalMount__Output as _podferry_v1_ExternalMount__Output } from './podferry/v1/ExternalMount.ts';
import type { FactsRequest as _podferry_v1_FactsRequest, FactsRequest__Output as _podferry_v1_FactsRequest__Output } from './podferry/v1/FactsRequest.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from './podferry/v1/Finding.ts';
import type { Hold as _podferry_v1_Hold, Hold__Output as _podferry_v1_Hold__Output } from './podferry/v1/Hold.ts';
import type { HoldRequest as _podferry_v1_HoldRequest, HoldRequest__Output as _podferry_v1_HoldRequest__Output } from './podferry/v1/HoldRequest.ts';
import type { LiftRequest as _podferry_v1_LiftRequest, LiftRequest__Output as _podferry_v1_LiftRequest__Output } from './podferry/v1/LiftRequest.ts';
import type { ListMigrationsRequest as _podferry_v1_ListMigrationsRequest, ListMigrationsRequest__Output as _podferry_v1_ListMigrationsRequest__Output } from './podferry/v1/ListMigrationsRequest.ts';
import type { ListMigrationsResponse as _podferry_v1_ListMigrationsResponse, ListMigrationsResponse__Output as _podferry_v1_ListMigrationsResponse__Output } from './podferry/v1/ListMigrationsResponse.ts';
import type { ListPodsRequest as _podferry_v1_ListPodsRequest, ListPodsRequest__Output as _podferry_v1_ListPodsRequest__Output } from './podferry/v1/ListPodsRequest.ts';
import type { ListPodsResponse as _podferry_v1_ListPodsResponse, ListPodsResponse__Output as _podferry_v1_ListPodsResponse__Output } from './podferry/v1/ListPodsResponse.ts';
import type { MigrationRef as _podferry_v1_MigrationRef, MigrationRef__Output as _podferry_v1_MigrationRef__Output } from './podferry/v1/MigrationRef.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from './podferry/v1/Moment.ts';
import type { NodeFacts as _podferry_v1_NodeFacts, NodeFacts__Output as _podferry_v1_NodeFacts__Output } from './podferry/v1/NodeFacts.ts';
import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from './podferry/v1/Plan.ts';
import type { Pod as _podferry_v1_Pod, Pod__Output as _podferry_v1_Pod__Output } from './podferry/v1/Pod.ts';
import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from './podferry/v1/PodManifest.ts';
import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from './podferry/v1/PodRef.ts';
import type { PreflightSourceRequest as _podferry_v1_PreflightSourceRequest, PreflightSourceRequest__Output as _podferry_v1_PreflightSourceRequest__Output } from './podferry/v1/PreflightSourceRequest.ts';
import type { PreflightSourceResponse as _podferry_v1_PreflightSourceResponse, PreflightSourceResponse__Output as _podferry_v1_PreflightSourceResponse__Output } from './podferry/v1/PreflightSourceResponse.ts';
import type { PreflightTargetRequest as _podferry_v1_PreflightTargetRequest, PreflightTargetRequest__Output as _podferry_v1_PreflightTargetRequest__Output } from './podferry/v1/PreflightTargetRequest.ts';
import type { PreflightTargetResponse as _podferry_v1_PreflightTargetResponse, PreflightTargetResponse__Output as _podferry_v1_PreflightTargetResponse__Output } from './podferry/v1/PreflightTargetResponse.ts';
import type { PrepareSourceRequest as _podferry_v1_PrepareSourceRequest, PrepareSourceRequest__Output as _podferry_v1_PrepareSourceRequest__Output } from './podferry/v1/PrepareSourceRequest.ts';
import type { PrepareTargetRequest as _podferry_v1_PrepareTargetRequest, PrepareTargetRequest__Output as _podferry_v1_PrepareTargetRequest__Output } from './podferry/v1/PrepareTargetRequest.ts';
import type { Progress as _podferry_v1_Progress, Progress__Output as _podferry_v1_Progress__Output } from './podferry/v1/Progress.ts';
import type { ReadCheckpointResponse as _podferry_v1_ReadCheckpointResponse, ReadCheckpointResponse__Output as _podferry_v1_ReadCheckpointResponse__Output } from './podferry/v1/ReadCheckpointResponse.ts';
import type { RemoveCheckpointResponse as _podferry_v1_RemoveCheckpointResponse, RemoveCheckpointResponse__Output as _podferry_v1_RemoveCheckpointResponse__Output } from './podferry/v1/RemoveCheckpointResponse.ts';
import type { SourceState as _podferry_v1_SourceState, SourceState__Output as _podferry_v1_SourceState__Output } from './podferry/v1/SourceState.ts';
import type { TargetState as _podferry_v1_TargetState, TargetState__Output as _podferry_v1_TargetState__Output } from './podferry/v1/TargetState.ts';
import type { Tree as _podferry_v1_Tree, Tree__Output as _podferry_v1_Tree__Output } from './podferry/v1/Tree.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  podferry: {
    v1: {
      Agent: SubtypeConstructor<typeof grpc.Client, _podferry_v1_AgentClient> & { service: _podferry_v1_AgentDefinition }
      ArmRequest: MessageTypeDefinition<_podferry_v1_ArmRequest, _podferry_v1_ArmRequest__Output>
      AwaitTargetPodRequest: MessageTypeDefinition<_podferry_v1_AwaitTargetPodRequest, _podferry_v1_AwaitTargetPodRequest__Output>
      CheckpointRef: MessageTypeDefinition<_podferry_v1_CheckpointRef, _podferry_v1_CheckpointRef__Output>
      Connections: MessageTypeDefinition<_podferry_v1_Connections, _podferry_v1_Connections__Output>
      ContainerManifest: MessageTypeDefinition<_podferry_v1_ContainerManifest, _podferry_v1_ContainerManifest__Output>
      DiscardRequest: MessageTypeDefinition<_podferry_v1_DiscardRequest, _podferry_v1_DiscardRequest__Output>
      ExternalMount: MessageTypeDefinition<_podferry_v1_ExternalMount, _podferry_v1_ExternalMount__Output>
      FactsRequest: MessageTypeDefinition<_podferry_v1_FactsRequest, _podferry_v1_FactsRequest__Output>
      Finding: MessageTypeDefinition<_podferry_v1_Finding, _podferry_v1_Finding__Output>
      Hold: MessageTypeDefinition<_podferry_v1_Hold, _podferry_v1_Hold__Output>
      HoldRequest: MessageTypeDefinition<_podferry_v1_HoldRequest, _podferry_v1_HoldRequest__Output>
      LiftRequest: MessageTypeDefinition<_podferry_v1_LiftRequest, _podferry_v1_LiftRequest__Output>
      ListMigrationsRequest: MessageTypeDefinition<_podferry_v1_ListMigrationsRequest, _podferry_v1_ListMigrationsRequest__Output>
      ListMigrationsResponse: MessageTypeDefinition<_podferry_v1_ListMigrationsResponse, _podferry_v1_ListMigrationsResponse__Output>
      ListPodsRequest: MessageTypeDefinition<_podferry_v1_ListPodsRequest, _podferry_v1_ListPodsRequest__Output>
      ListPodsResponse: MessageTypeDefinition<_podferry_v1_ListPodsResponse, _podferry_v1_ListPodsResponse__Output>
      MigrationRef: MessageTypeDefinition<_podferry_v1_MigrationRef, _podferry_v1_MigrationRef__Output>
      Moment: MessageTypeDefinition<_podferry_v1_Moment, _podferry_v1_Moment__Output>
      Network: EnumTypeDefinition
      NodeFacts: MessageTypeDefinition<_podferry_v1_NodeFacts, _podferry_v1_NodeFacts__Output>
      Phase: EnumTypeDefinition
      Plan: MessageTypeDefinition<_podferry_v1_Plan, _podferry_v1_Plan__Output>
      Pod: MessageTypeDefinition<_podferry_v1_Pod, _podferry_v1_Pod__Output>
      PodManifest: MessageTypeDefinition<_podferry_v1_PodManifest, _podferry_v1_PodManifest__Output>
      PodRef: MessageTypeDefinition<_podferry_v1_PodRef, _podferry_v1_PodRef__Output>
      PreflightSourceRequest: MessageTypeDefinition<_podferry_v1_PreflightSourceRequest, _podferry_v1_PreflightSourceRequest__Output>
      PreflightSourceResponse: MessageTypeDefinition<_podferry_v1_PreflightSourceResponse, _podferry_v1_PreflightSourceResponse__Output>
      PreflightTargetRequest: MessageTypeDefinition<_podferry_v1_PreflightTargetRequest, _podferry_v1_PreflightTargetRequest__Output>
      PreflightTargetResponse: MessageTypeDefinition<_podferry_v1_PreflightTargetResponse, _podferry_v1_PreflightTargetResponse__Output>
      PrepareSourceRequest: MessageTypeDefinition<_podferry_v1_PrepareSourceRequest, _podferry_v1_PrepareSourceRequest__Output>
      PrepareTargetRequest: MessageTypeDefinition<_podferry_v1_PrepareTargetRequest, _podferry_v1_PrepareTargetRequest__Output>
      Progress: MessageTypeDefinition<_podferry_v1_Progress, _podferry_v1_Progress__Output>
      ReadCheckpointResponse: MessageTypeDefinition<_podferry_v1_ReadCheckpointResponse, _podferry_v1_ReadCheckpointResponse__Output>
      Reason: EnumTypeDefinition
      RemoveCheckpointResponse: MessageTypeDefinition<_podferry_v1_RemoveCheckpointResponse, _podferry_v1_RemoveCheckpointResponse__Output>
      SourceState: MessageTypeDefinition<_podferry_v1_SourceState, _podferry_v1_SourceState__Output>
      Strategy: EnumTypeDefinition
      TargetState: MessageTypeDefinition<_podferry_v1_TargetState, _podferry_v1_TargetState__Output>
      Transport: EnumTypeDefinition
      Tree: MessageTypeDefinition<_podferry_v1_Tree, _podferry_v1_Tree__Output>
    }
  }
}

