import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { AgentClient as _podferry_v1_AgentClient, AgentDefinition as _podferry_v1_AgentDefinition } from './podferry/v1/Agent.ts';
import type { ArmRequest as _podferry_v1_ArmRequest, ArmRequest__Output as _podferry_v1_ArmRequest__Output } from './podferry/v1/ArmRequest.ts';
import type { AwaitTargetPodRequest as _podferry_v1_AwaitTargetPodRequest, AwaitTargetPodRequest__Output as _podferry_v1_AwaitTargetPodRequest__Output } from './podferry/v1/AwaitTargetPodRequest.ts';
import type { Checkpoint as _podferry_v1_Checkpoint, Checkpoint__Output as _podferry_v1_Checkpoint__Output } from './podferry/v1/Checkpoint.ts';
import type { CheckpointName as _podferry_v1_CheckpointName, CheckpointName__Output as _podferry_v1_CheckpointName__Output } from './podferry/v1/CheckpointName.ts';
import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from './podferry/v1/CheckpointRef.ts';
import type { CheckpointRequest as _podferry_v1_CheckpointRequest, CheckpointRequest__Output as _podferry_v1_CheckpointRequest__Output } from './podferry/v1/CheckpointRequest.ts';
import type { Connections as _podferry_v1_Connections, Connections__Output as _podferry_v1_Connections__Output } from './podferry/v1/Connections.ts';
import type { ContainerManifest as _podferry_v1_ContainerManifest, ContainerManifest__Output as _podferry_v1_ContainerManifest__Output } from './podferry/v1/ContainerManifest.ts';
import type { CoordinatorClient as _podferry_v1_CoordinatorClient, CoordinatorDefinition as _podferry_v1_CoordinatorDefinition } from './podferry/v1/Coordinator.ts';
import type { Copy as _podferry_v1_Copy, Copy__Output as _podferry_v1_Copy__Output } from './podferry/v1/Copy.ts';
import type { DeleteCheckpointResponse as _podferry_v1_DeleteCheckpointResponse, DeleteCheckpointResponse__Output as _podferry_v1_DeleteCheckpointResponse__Output } from './podferry/v1/DeleteCheckpointResponse.ts';
import type { DiscardRequest as _podferry_v1_DiscardRequest, DiscardRequest__Output as _podferry_v1_DiscardRequest__Output } from './podferry/v1/DiscardRequest.ts';
import type { ExternalMount as _podferry_v1_ExternalMount, ExternalMount__Output as _podferry_v1_ExternalMount__Output } from './podferry/v1/ExternalMount.ts';
import type { FactsRequest as _podferry_v1_FactsRequest, FactsRequest__Output as _podferry_v1_FactsRequest__Output } from './podferry/v1/FactsRequest.ts';
import type { Finding as _podferry_v1_Finding, Finding__Output as _podferry_v1_Finding__Output } from './podferry/v1/Finding.ts';
import type { GetRequest as _podferry_v1_GetRequest, GetRequest__Output as _podferry_v1_GetRequest__Output } from './podferry/v1/GetRequest.ts';
import type { Hold as _podferry_v1_Hold, Hold__Output as _podferry_v1_Hold__Output } from './podferry/v1/Hold.ts';
import type { HoldRequest as _podferry_v1_HoldRequest, HoldRequest__Output as _podferry_v1_HoldRequest__Output } from './podferry/v1/HoldRequest.ts';
import type { LiftRequest as _podferry_v1_LiftRequest, LiftRequest__Output as _podferry_v1_LiftRequest__Output } from './podferry/v1/LiftRequest.ts';
import type { ListCheckpointsRequest as _podferry_v1_ListCheckpointsRequest, ListCheckpointsRequest__Output as _podferry_v1_ListCheckpointsRequest__Output } from './podferry/v1/ListCheckpointsRequest.ts';
import type { ListCheckpointsResponse as _podferry_v1_ListCheckpointsResponse, ListCheckpointsResponse__Output as _podferry_v1_ListCheckpointsResponse__Output } from './podferry/v1/ListCheckpointsResponse.ts';
import type { ListMigrationsRequest as _podferry_v1_ListMigrationsRequest, ListMigrationsRequest__Output as _podferry_v1_ListMigrationsRequest__Output } from './podferry/v1/ListMigrationsRequest.ts';
import type { ListMigrationsResponse as _podferry_v1_ListMigrationsResponse, ListMigrationsResponse__Output as _podferry_v1_ListMigrationsResponse__Output } from './podferry/v1/ListMigrationsResponse.ts';
import type { ListPodsRequest as _podferry_v1_ListPodsRequest, ListPodsRequest__Output as _podferry_v1_ListPodsRequest__Output } from './podferry/v1/ListPodsRequest.ts';
import type { ListPodsResponse as _podferry_v1_ListPodsResponse, ListPodsResponse__Output as _podferry_v1_ListPodsResponse__Output } from './podferry/v1/ListPodsResponse.ts';
import type { ListRequest as _podferry_v1_ListRequest, ListRequest__Output as _podferry_v1_ListRequest__Output } from './podferry/v1/ListRequest.ts';
import type { ListResponse as _podferry_v1_ListResponse, ListResponse__Output as _podferry_v1_ListResponse__Output } from './podferry/v1/ListResponse.ts';
import type { MigrateRequest as _podferry_v1_MigrateRequest, MigrateRequest__Output as _podferry_v1_MigrateRequest__Output } from './podferry/v1/MigrateRequest.ts';
import type { Migration as _podferry_v1_Migration, Migration__Output as _podferry_v1_Migration__Output } from './podferry/v1/Migration.ts';
import type { MigrationEvent as _podferry_v1_MigrationEvent, MigrationEvent__Output as _podferry_v1_MigrationEvent__Output } from './podferry/v1/MigrationEvent.ts';
import type { MigrationRef as _podferry_v1_MigrationRef, MigrationRef__Output as _podferry_v1_MigrationRef__Output } from './podferry/v1/MigrationRef.ts';
import type { Moment as _podferry_v1_Moment, Moment__Output as _podferry_v1_Moment__Output } from './podferry/v1/Moment.ts';
import type { Node as _podferry_v1_Node, Node__Output as _podferry_v1_Node__Output } from './podferry/v1/Node.ts';
import type { NodeFacts as _podferry_v1_NodeFacts, NodeFacts__Output as _podferry_v1_NodeFacts__Output } from './podferry/v1/NodeFacts.ts';
import type { NodesRequest as _podferry_v1_NodesRequest, NodesRequest__Output as _podferry_v1_NodesRequest__Output } from './podferry/v1/NodesRequest.ts';
import type { NodesResponse as _podferry_v1_NodesResponse, NodesResponse__Output as _podferry_v1_NodesResponse__Output } from './podferry/v1/NodesResponse.ts';
import type { PhaseTiming as _podferry_v1_PhaseTiming, PhaseTiming__Output as _podferry_v1_PhaseTiming__Output } from './podferry/v1/PhaseTiming.ts';
import type { Plan as _podferry_v1_Plan, Plan__Output as _podferry_v1_Plan__Output } from './podferry/v1/Plan.ts';
import type { Pod as _podferry_v1_Pod, Pod__Output as _podferry_v1_Pod__Output } from './podferry/v1/Pod.ts';
import type { PodManifest as _podferry_v1_PodManifest, PodManifest__Output as _podferry_v1_PodManifest__Output } from './podferry/v1/PodManifest.ts';
import type { PodRef as _podferry_v1_PodRef, PodRef__Output as _podferry_v1_PodRef__Output } from './podferry/v1/PodRef.ts';
import type { PodsRequest as _podferry_v1_PodsRequest, PodsRequest__Output as _podferry_v1_PodsRequest__Output } from './podferry/v1/PodsRequest.ts';
import type { PodsResponse as _podferry_v1_PodsResponse, PodsResponse__Output as _podferry_v1_PodsResponse__Output } from './podferry/v1/PodsResponse.ts';
import type { PreflightResponse as _podferry_v1_PreflightResponse, PreflightResponse__Output as _podferry_v1_PreflightResponse__Output } from './podferry/v1/PreflightResponse.ts';
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
import type { StartCopiesRequest as _podferry_v1_StartCopiesRequest, StartCopiesRequest__Output as _podferry_v1_StartCopiesRequest__Output } from './podferry/v1/StartCopiesRequest.ts';
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
      Checkpoint: MessageTypeDefinition<_podferry_v1_Checkpoint, _podferry_v1_Checkpoint__Output>
      CheckpointName: MessageTypeDefinition<_podferry_v1_CheckpointName, _podferry_v1_CheckpointName__Output>
      CheckpointRef: MessageTypeDefinition<_podferry_v1_CheckpointRef, _podferry_v1_CheckpointRef__Output>
      CheckpointRequest: MessageTypeDefinition<_podferry_v1_CheckpointRequest, _podferry_v1_CheckpointRequest__Output>
      Connections: MessageTypeDefinition<_podferry_v1_Connections, _podferry_v1_Connections__Output>
      ContainerManifest: MessageTypeDefinition<_podferry_v1_ContainerManifest, _podferry_v1_ContainerManifest__Output>
      Coordinator: SubtypeConstructor<typeof grpc.Client, _podferry_v1_CoordinatorClient> & { service: _podferry_v1_CoordinatorDefinition }
      Copy: MessageTypeDefinition<_podferry_v1_Copy, _podferry_v1_Copy__Output>
      DeleteCheckpointResponse: MessageTypeDefinition<_podferry_v1_DeleteCheckpointResponse, _podferry_v1_DeleteCheckpointResponse__Output>
      DiscardRequest: MessageTypeDefinition<_podferry_v1_DiscardRequest, _podferry_v1_DiscardRequest__Output>
      ExternalMount: MessageTypeDefinition<_podferry_v1_ExternalMount, _podferry_v1_ExternalMount__Output>
      FactsRequest: MessageTypeDefinition<_podferry_v1_FactsRequest, _podferry_v1_FactsRequest__Output>
      Finding: MessageTypeDefinition<_podferry_v1_Finding, _podferry_v1_Finding__Output>
      GetRequest: MessageTypeDefinition<_podferry_v1_GetRequest, _podferry_v1_GetRequest__Output>
      Hold: MessageTypeDefinition<_podferry_v1_Hold, _podferry_v1_Hold__Output>
      HoldRequest: MessageTypeDefinition<_podferry_v1_HoldRequest, _podferry_v1_HoldRequest__Output>
      LiftRequest: MessageTypeDefinition<_podferry_v1_LiftRequest, _podferry_v1_LiftRequest__Output>
      ListCheckpointsRequest: MessageTypeDefinition<_podferry_v1_ListCheckpointsRequest, _podferry_v1_ListCheckpointsRequest__Output>
      ListCheckpointsResponse: MessageTypeDefinition<_podferry_v1_ListCheckpointsResponse, _podferry_v1_ListCheckpointsResponse__Output>
      ListMigrationsRequest: MessageTypeDefinition<_podferry_v1_ListMigrationsRequest, _podferry_v1_ListMigrationsRequest__Output>
      ListMigrationsResponse: MessageTypeDefinition<_podferry_v1_ListMigrationsResponse, _podferry_v1_ListMigrationsResponse__Output>
      ListPodsRequest: MessageTypeDefinition<_podferry_v1_ListPodsRequest, _podferry_v1_ListPodsRequest__Output>
      ListPodsResponse: MessageTypeDefinition<_podferry_v1_ListPodsResponse, _podferry_v1_ListPodsResponse__Output>
      ListRequest: MessageTypeDefinition<_podferry_v1_ListRequest, _podferry_v1_ListRequest__Output>
      ListResponse: MessageTypeDefinition<_podferry_v1_ListResponse, _podferry_v1_ListResponse__Output>
      MigrateRequest: MessageTypeDefinition<_podferry_v1_MigrateRequest, _podferry_v1_MigrateRequest__Output>
      Migration: MessageTypeDefinition<_podferry_v1_Migration, _podferry_v1_Migration__Output>
      MigrationEvent: MessageTypeDefinition<_podferry_v1_MigrationEvent, _podferry_v1_MigrationEvent__Output>
      MigrationRef: MessageTypeDefinition<_podferry_v1_MigrationRef, _podferry_v1_MigrationRef__Output>
      Moment: MessageTypeDefinition<_podferry_v1_Moment, _podferry_v1_Moment__Output>
      Network: EnumTypeDefinition
      Node: MessageTypeDefinition<_podferry_v1_Node, _podferry_v1_Node__Output>
      NodeFacts: MessageTypeDefinition<_podferry_v1_NodeFacts, _podferry_v1_NodeFacts__Output>
      NodesRequest: MessageTypeDefinition<_podferry_v1_NodesRequest, _podferry_v1_NodesRequest__Output>
      NodesResponse: MessageTypeDefinition<_podferry_v1_NodesResponse, _podferry_v1_NodesResponse__Output>
      Phase: EnumTypeDefinition
      PhaseTiming: MessageTypeDefinition<_podferry_v1_PhaseTiming, _podferry_v1_PhaseTiming__Output>
      Plan: MessageTypeDefinition<_podferry_v1_Plan, _podferry_v1_Plan__Output>
      Pod: MessageTypeDefinition<_podferry_v1_Pod, _podferry_v1_Pod__Output>
      PodManifest: MessageTypeDefinition<_podferry_v1_PodManifest, _podferry_v1_PodManifest__Output>
      PodRef: MessageTypeDefinition<_podferry_v1_PodRef, _podferry_v1_PodRef__Output>
      PodsRequest: MessageTypeDefinition<_podferry_v1_PodsRequest, _podferry_v1_PodsRequest__Output>
      PodsResponse: MessageTypeDefinition<_podferry_v1_PodsResponse, _podferry_v1_PodsResponse__Output>
      PreflightResponse: MessageTypeDefinition<_podferry_v1_PreflightResponse, _podferry_v1_PreflightResponse__Output>
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
      StartCopiesRequest: MessageTypeDefinition<_podferry_v1_StartCopiesRequest, _podferry_v1_StartCopiesRequest__Output>
      Strategy: EnumTypeDefinition
      TargetState: MessageTypeDefinition<_podferry_v1_TargetState, _podferry_v1_TargetState__Output>
      Transport: EnumTypeDefinition
      Tree: MessageTypeDefinition<_podferry_v1_Tree, _podferry_v1_Tree__Output>
    }
  }
}

