// Original file: coordinator.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { Checkpoint as _podferry_v1_Checkpoint, Checkpoint__Output as _podferry_v1_Checkpoint__Output } from '../../podferry/v1/Checkpoint.ts';
import type { CheckpointName as _podferry_v1_CheckpointName, CheckpointName__Output as _podferry_v1_CheckpointName__Output } from '../../podferry/v1/CheckpointName.ts';
import type { CheckpointRequest as _podferry_v1_CheckpointRequest, CheckpointRequest__Output as _podferry_v1_CheckpointRequest__Output } from '../../podferry/v1/CheckpointRequest.ts';
import type { Copy as _podferry_v1_Copy, Copy__Output as _podferry_v1_Copy__Output } from '../../podferry/v1/Copy.ts';
import type { DeleteCheckpointResponse as _podferry_v1_DeleteCheckpointResponse, DeleteCheckpointResponse__Output as _podferry_v1_DeleteCheckpointResponse__Output } from '../../podferry/v1/DeleteCheckpointResponse.ts';
import type { GetRequest as _podferry_v1_GetRequest, GetRequest__Output as _podferry_v1_GetRequest__Output } from '../../podferry/v1/GetRequest.ts';
import type { ListCheckpointsRequest as _podferry_v1_ListCheckpointsRequest, ListCheckpointsRequest__Output as _podferry_v1_ListCheckpointsRequest__Output } from '../../podferry/v1/ListCheckpointsRequest.ts';
import type { ListCheckpointsResponse as _podferry_v1_ListCheckpointsResponse, ListCheckpointsResponse__Output as _podferry_v1_ListCheckpointsResponse__Output } from '../../podferry/v1/ListCheckpointsResponse.ts';
import type { ListRequest as _podferry_v1_ListRequest, ListRequest__Output as _podferry_v1_ListRequest__Output } from '../../podferry/v1/ListRequest.ts';
import type { ListResponse as _podferry_v1_ListResponse, ListResponse__Output as _podferry_v1_ListResponse__Output } from '../../podferry/v1/ListResponse.ts';
import type { MigrateRequest as _podferry_v1_MigrateRequest, MigrateRequest__Output as _podferry_v1_MigrateRequest__Output } from '../../podferry/v1/MigrateRequest.ts';
import type { Migration as _podferry_v1_Migration, Migration__Output as _podferry_v1_Migration__Output } from '../../podferry/v1/Migration.ts';
import type { MigrationEvent as _podferry_v1_MigrationEvent, MigrationEvent__Output as _podferry_v1_MigrationEvent__Output } from '../../podferry/v1/MigrationEvent.ts';
import type { NodesRequest as _podferry_v1_NodesRequest, NodesRequest__Output as _podferry_v1_NodesRequest__Output } from '../../podferry/v1/NodesRequest.ts';
import type { NodesResponse as _podferry_v1_NodesResponse, NodesResponse__Output as _podferry_v1_NodesResponse__Output } from '../../podferry/v1/NodesResponse.ts';
import type { PodsRequest as _podferry_v1_PodsRequest, PodsRequest__Output as _podferry_v1_PodsRequest__Output } from '../../podferry/v1/PodsRequest.ts';
import type { PodsResponse as _podferry_v1_PodsResponse, PodsResponse__Output as _podferry_v1_PodsResponse__Output } from '../../podferry/v1/PodsResponse.ts';
import type { PreflightResponse as _podferry_v1_PreflightResponse, PreflightResponse__Output as _podferry_v1_PreflightResponse__Output } from '../../podferry/v1/PreflightResponse.ts';
import type { StartCopiesRequest as _podferry_v1_StartCopiesRequest, StartCopiesRequest__Output as _podferry_v1_StartCopiesRequest__Output } from '../../podferry/v1/StartCopiesRequest.ts';

export interface CoordinatorClient extends grpc.Client {
  Cancel(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _podferry_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Cancel(argument: _podferry_v1_GetRequest, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  cancel(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  cancel(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  cancel(argument: _podferry_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  cancel(argument: _podferry_v1_GetRequest, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  
  Checkpoint(argument: _podferry_v1_CheckpointRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Checkpoint__Output>;
  Checkpoint(argument: _podferry_v1_CheckpointRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Checkpoint__Output>;
  checkpoint(argument: _podferry_v1_CheckpointRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Checkpoint__Output>;
  checkpoint(argument: _podferry_v1_CheckpointRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Checkpoint__Output>;
  
  DeleteCheckpoint(argument: _podferry_v1_CheckpointName, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  DeleteCheckpoint(argument: _podferry_v1_CheckpointName, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  DeleteCheckpoint(argument: _podferry_v1_CheckpointName, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  DeleteCheckpoint(argument: _podferry_v1_CheckpointName, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  deleteCheckpoint(argument: _podferry_v1_CheckpointName, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  deleteCheckpoint(argument: _podferry_v1_CheckpointName, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  deleteCheckpoint(argument: _podferry_v1_CheckpointName, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  deleteCheckpoint(argument: _podferry_v1_CheckpointName, callback: grpc.requestCallback<_podferry_v1_DeleteCheckpointResponse__Output>): grpc.ClientUnaryCall;
  
  Get(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Get(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Get(argument: _podferry_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  Get(argument: _podferry_v1_GetRequest, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  get(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  get(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  get(argument: _podferry_v1_GetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  get(argument: _podferry_v1_GetRequest, callback: grpc.requestCallback<_podferry_v1_Migration__Output>): grpc.ClientUnaryCall;
  
  List(argument: _podferry_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _podferry_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _podferry_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  List(argument: _podferry_v1_ListRequest, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _podferry_v1_ListRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _podferry_v1_ListRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _podferry_v1_ListRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  list(argument: _podferry_v1_ListRequest, callback: grpc.requestCallback<_podferry_v1_ListResponse__Output>): grpc.ClientUnaryCall;
  
  ListCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  ListCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  ListCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  ListCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  listCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  listCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  listCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  listCheckpoints(argument: _podferry_v1_ListCheckpointsRequest, callback: grpc.requestCallback<_podferry_v1_ListCheckpointsResponse__Output>): grpc.ClientUnaryCall;
  
  Migrate(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  Migrate(argument: _podferry_v1_MigrateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  migrate(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  migrate(argument: _podferry_v1_MigrateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  
  Nodes(argument: _podferry_v1_NodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  Nodes(argument: _podferry_v1_NodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  Nodes(argument: _podferry_v1_NodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  Nodes(argument: _podferry_v1_NodesRequest, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  nodes(argument: _podferry_v1_NodesRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  nodes(argument: _podferry_v1_NodesRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  nodes(argument: _podferry_v1_NodesRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  nodes(argument: _podferry_v1_NodesRequest, callback: grpc.requestCallback<_podferry_v1_NodesResponse__Output>): grpc.ClientUnaryCall;
  
  Pods(argument: _podferry_v1_PodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  Pods(argument: _podferry_v1_PodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  Pods(argument: _podferry_v1_PodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  Pods(argument: _podferry_v1_PodsRequest, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  pods(argument: _podferry_v1_PodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  pods(argument: _podferry_v1_PodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  pods(argument: _podferry_v1_PodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  pods(argument: _podferry_v1_PodsRequest, callback: grpc.requestCallback<_podferry_v1_PodsResponse__Output>): grpc.ClientUnaryCall;
  
  Preflight(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  Preflight(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  Preflight(argument: _podferry_v1_MigrateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  Preflight(argument: _podferry_v1_MigrateRequest, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  preflight(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  preflight(argument: _podferry_v1_MigrateRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  preflight(argument: _podferry_v1_MigrateRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  preflight(argument: _podferry_v1_MigrateRequest, callback: grpc.requestCallback<_podferry_v1_PreflightResponse__Output>): grpc.ClientUnaryCall;
  
  StartCopies(argument: _podferry_v1_StartCopiesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Copy__Output>;
  StartCopies(argument: _podferry_v1_StartCopiesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Copy__Output>;
  startCopies(argument: _podferry_v1_StartCopiesRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Copy__Output>;
  startCopies(argument: _podferry_v1_StartCopiesRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Copy__Output>;
  
  Watch(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  Watch(argument: _podferry_v1_GetRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  watch(argument: _podferry_v1_GetRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  watch(argument: _podferry_v1_GetRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_MigrationEvent__Output>;
  
}

export interface CoordinatorHandlers extends grpc.UntypedServiceImplementation {
  Cancel: grpc.handleUnaryCall<_podferry_v1_GetRequest__Output, _podferry_v1_Migration>;
  
  Checkpoint: grpc.handleServerStreamingCall<_podferry_v1_CheckpointRequest__Output, _podferry_v1_Checkpoint>;
  
  DeleteCheckpoint: grpc.handleUnaryCall<_podferry_v1_CheckpointName__Output, _podferry_v1_DeleteCheckpointResponse>;
  
  Get: grpc.handleUnaryCall<_podferry_v1_GetRequest__Output, _podferry_v1_Migration>;
  
  List: grpc.handleUnaryCall<_podferry_v1_ListRequest__Output, _podferry_v1_ListResponse>;
  
  ListCheckpoints: grpc.handleUnaryCall<_podferry_v1_ListCheckpointsRequest__Output, _podferry_v1_ListCheckpointsResponse>;
  
  Migrate: grpc.handleServerStreamingCall<_podferry_v1_MigrateRequest__Output, _podferry_v1_MigrationEvent>;
  
  Nodes: grpc.handleUnaryCall<_podferry_v1_NodesRequest__Output, _podferry_v1_NodesResponse>;
  
  Pods: grpc.handleUnaryCall<_podferry_v1_PodsRequest__Output, _podferry_v1_PodsResponse>;
  
  Preflight: grpc.handleUnaryCall<_podferry_v1_MigrateRequest__Output, _podferry_v1_PreflightResponse>;
  
  StartCopies: grpc.handleServerStreamingCall<_podferry_v1_StartCopiesRequest__Output, _podferry_v1_Copy>;
  
  Watch: grpc.handleServerStreamingCall<_podferry_v1_GetRequest__Output, _podferry_v1_MigrationEvent>;
  
}

export interface CoordinatorDefinition extends grpc.ServiceDefinition {
  Cancel: MethodDefinition<_podferry_v1_GetRequest, _podferry_v1_Migration, _podferry_v1_GetRequest__Output, _podferry_v1_Migration__Output>
  Checkpoint: MethodDefinition<_podferry_v1_CheckpointRequest, _podferry_v1_Checkpoint, _podferry_v1_CheckpointRequest__Output, _podferry_v1_Checkpoint__Output>
  DeleteCheckpoint: MethodDefinition<_podferry_v1_CheckpointName, _podferry_v1_DeleteCheckpointResponse, _podferry_v1_CheckpointName__Output, _podferry_v1_DeleteCheckpointResponse__Output>
  Get: MethodDefinition<_podferry_v1_GetRequest, _podferry_v1_Migration, _podferry_v1_GetRequest__Output, _podferry_v1_Migration__Output>
  List: MethodDefinition<_podferry_v1_ListRequest, _podferry_v1_ListResponse, _podferry_v1_ListRequest__Output, _podferry_v1_ListResponse__Output>
  ListCheckpoints: MethodDefinition<_podferry_v1_ListCheckpointsRequest, _podferry_v1_ListCheckpointsResponse, _podferry_v1_ListCheckpointsRequest__Output, _podferry_v1_ListCheckpointsResponse__Output>
  Migrate: MethodDefinition<_podferry_v1_MigrateRequest, _podferry_v1_MigrationEvent, _podferry_v1_MigrateRequest__Output, _podferry_v1_MigrationEvent__Output>
  Nodes: MethodDefinition<_podferry_v1_NodesRequest, _podferry_v1_NodesResponse, _podferry_v1_NodesRequest__Output, _podferry_v1_NodesResponse__Output>
  Pods: MethodDefinition<_podferry_v1_PodsRequest, _podferry_v1_PodsResponse, _podferry_v1_PodsRequest__Output, _podferry_v1_PodsResponse__Output>
  Preflight: MethodDefinition<_podferry_v1_MigrateRequest, _podferry_v1_PreflightResponse, _podferry_v1_MigrateRequest__Output, _podferry_v1_PreflightResponse__Output>
  StartCopies: MethodDefinition<_podferry_v1_StartCopiesRequest, _podferry_v1_Copy, _podferry_v1_StartCopiesRequest__Output, _podferry_v1_Copy__Output>
  Watch: MethodDefinition<_podferry_v1_GetRequest, _podferry_v1_MigrationEvent, _podferry_v1_GetRequest__Output, _podferry_v1_MigrationEvent__Output>
}
