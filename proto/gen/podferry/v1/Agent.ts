// Original file: agent.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ArmRequest as _podferry_v1_ArmRequest, ArmRequest__Output as _podferry_v1_ArmRequest__Output } from '../../podferry/v1/ArmRequest.ts';
import type { AwaitTargetPodRequest as _podferry_v1_AwaitTargetPodRequest, AwaitTargetPodRequest__Output as _podferry_v1_AwaitTargetPodRequest__Output } from '../../podferry/v1/AwaitTargetPodRequest.ts';
import type { CheckpointRef as _podferry_v1_CheckpointRef, CheckpointRef__Output as _podferry_v1_CheckpointRef__Output } from '../../podferry/v1/CheckpointRef.ts';
import type { DiscardRequest as _podferry_v1_DiscardRequest, DiscardRequest__Output as _podferry_v1_DiscardRequest__Output } from '../../podferry/v1/DiscardRequest.ts';
import type { FactsRequest as _podferry_v1_FactsRequest, FactsRequest__Output as _podferry_v1_FactsRequest__Output } from '../../podferry/v1/FactsRequest.ts';
import type { Hold as _podferry_v1_Hold, Hold__Output as _podferry_v1_Hold__Output } from '../../podferry/v1/Hold.ts';
import type { HoldRequest as _podferry_v1_HoldRequest, HoldRequest__Output as _podferry_v1_HoldRequest__Output } from '../../podferry/v1/HoldRequest.ts';
import type { LiftRequest as _podferry_v1_LiftRequest, LiftRequest__Output as _podferry_v1_LiftRequest__Output } from '../../podferry/v1/LiftRequest.ts';
import type { ListMigrationsRequest as _podferry_v1_ListMigrationsRequest, ListMigrationsRequest__Output as _podferry_v1_ListMigrationsRequest__Output } from '../../podferry/v1/ListMigrationsRequest.ts';
import type { ListMigrationsResponse as _podferry_v1_ListMigrationsResponse, ListMigrationsResponse__Output as _podferry_v1_ListMigrationsResponse__Output } from '../../podferry/v1/ListMigrationsResponse.ts';
import type { ListPodsRequest as _podferry_v1_ListPodsRequest, ListPodsRequest__Output as _podferry_v1_ListPodsRequest__Output } from '../../podferry/v1/ListPodsRequest.ts';
import type { ListPodsResponse as _podferry_v1_ListPodsResponse, ListPodsResponse__Output as _podferry_v1_ListPodsResponse__Output } from '../../podferry/v1/ListPodsResponse.ts';
import type { MigrationRef as _podferry_v1_MigrationRef, MigrationRef__Output as _podferry_v1_MigrationRef__Output } from '../../podferry/v1/MigrationRef.ts';
import type { NodeFacts as _podferry_v1_NodeFacts, NodeFacts__Output as _podferry_v1_NodeFacts__Output } from '../../podferry/v1/NodeFacts.ts';
import type { PreflightSourceRequest as _podferry_v1_PreflightSourceRequest, PreflightSourceRequest__Output as _podferry_v1_PreflightSourceRequest__Output } from '../../podferry/v1/PreflightSourceRequest.ts';
import type { PreflightSourceResponse as _podferry_v1_PreflightSourceResponse, PreflightSourceResponse__Output as _podferry_v1_PreflightSourceResponse__Output } from '../../podferry/v1/PreflightSourceResponse.ts';
import type { PreflightTargetRequest as _podferry_v1_PreflightTargetRequest, PreflightTargetRequest__Output as _podferry_v1_PreflightTargetRequest__Output } from '../../podferry/v1/PreflightTargetRequest.ts';
import type { PreflightTargetResponse as _podferry_v1_PreflightTargetResponse, PreflightTargetResponse__Output as _podferry_v1_PreflightTargetResponse__Output } from '../../podferry/v1/PreflightTargetResponse.ts';
import type { PrepareSourceRequest as _podferry_v1_PrepareSourceRequest, PrepareSourceRequest__Output as _podferry_v1_PrepareSourceRequest__Output } from '../../podferry/v1/PrepareSourceRequest.ts';
import type { PrepareTargetRequest as _podferry_v1_PrepareTargetRequest, PrepareTargetRequest__Output as _podferry_v1_PrepareTargetRequest__Output } from '../../podferry/v1/PrepareTargetRequest.ts';
import type { Progress as _podferry_v1_Progress, Progress__Output as _podferry_v1_Progress__Output } from '../../podferry/v1/Progress.ts';
import type { ReadCheckpointResponse as _podferry_v1_ReadCheckpointResponse, ReadCheckpointResponse__Output as _podferry_v1_ReadCheckpointResponse__Output } from '../../podferry/v1/ReadCheckpointResponse.ts';
import type { RemoveCheckpointResponse as _podferry_v1_RemoveCheckpointResponse, RemoveCheckpointResponse__Output as _podferry_v1_RemoveCheckpointResponse__Output } from '../../podferry/v1/RemoveCheckpointResponse.ts';
import type { SourceState as _podferry_v1_SourceState, SourceState__Output as _podferry_v1_SourceState__Output } from '../../podferry/v1/SourceState.ts';
import type { TargetState as _podferry_v1_TargetState, TargetState__Output as _podferry_v1_TargetState__Output } from '../../podferry/v1/TargetState.ts';

export interface AgentClient extends grpc.Client {
  Arm(argument: _podferry_v1_ArmRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Arm(argument: _podferry_v1_ArmRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Arm(argument: _podferry_v1_ArmRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Arm(argument: _podferry_v1_ArmRequest, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  arm(argument: _podferry_v1_ArmRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  arm(argument: _podferry_v1_ArmRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  arm(argument: _podferry_v1_ArmRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  arm(argument: _podferry_v1_ArmRequest, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  AwaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  AwaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  AwaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  AwaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  awaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  awaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  awaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  awaitTargetPod(argument: _podferry_v1_AwaitTargetPodRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  Commit(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Commit(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Commit(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Commit(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  commit(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  commit(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  commit(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  commit(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  CopyAhead(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  CopyAhead(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  copyAhead(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  copyAhead(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  
  CreateTargetPod(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  CreateTargetPod(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  CreateTargetPod(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  CreateTargetPod(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  createTargetPod(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  createTargetPod(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  createTargetPod(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  createTargetPod(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  DiscardTarget(argument: _podferry_v1_DiscardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  DiscardTarget(argument: _podferry_v1_DiscardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  DiscardTarget(argument: _podferry_v1_DiscardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  DiscardTarget(argument: _podferry_v1_DiscardRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  discardTarget(argument: _podferry_v1_DiscardRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  discardTarget(argument: _podferry_v1_DiscardRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  discardTarget(argument: _podferry_v1_DiscardRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  discardTarget(argument: _podferry_v1_DiscardRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  Facts(argument: _podferry_v1_FactsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  Facts(argument: _podferry_v1_FactsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  Facts(argument: _podferry_v1_FactsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  Facts(argument: _podferry_v1_FactsRequest, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  facts(argument: _podferry_v1_FactsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  facts(argument: _podferry_v1_FactsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  facts(argument: _podferry_v1_FactsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  facts(argument: _podferry_v1_FactsRequest, callback: grpc.requestCallback<_podferry_v1_NodeFacts__Output>): grpc.ClientUnaryCall;
  
  FinishTarget(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  FinishTarget(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  FinishTarget(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  FinishTarget(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  finishTarget(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  finishTarget(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  finishTarget(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  finishTarget(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  Follow(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  Follow(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  follow(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  follow(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  
  FreezeAndSend(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  FreezeAndSend(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  freezeAndSend(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  freezeAndSend(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  
  HoldSource(argument: _podferry_v1_HoldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  HoldSource(argument: _podferry_v1_HoldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  HoldSource(argument: _podferry_v1_HoldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  HoldSource(argument: _podferry_v1_HoldRequest, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  holdSource(argument: _podferry_v1_HoldRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  holdSource(argument: _podferry_v1_HoldRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  holdSource(argument: _podferry_v1_HoldRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  holdSource(argument: _podferry_v1_HoldRequest, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  
  LiftHold(argument: _podferry_v1_LiftRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  LiftHold(argument: _podferry_v1_LiftRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  LiftHold(argument: _podferry_v1_LiftRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  LiftHold(argument: _podferry_v1_LiftRequest, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  liftHold(argument: _podferry_v1_LiftRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  liftHold(argument: _podferry_v1_LiftRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  liftHold(argument: _podferry_v1_LiftRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  liftHold(argument: _podferry_v1_LiftRequest, callback: grpc.requestCallback<_podferry_v1_Hold__Output>): grpc.ClientUnaryCall;
  
  Linger(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  Linger(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  linger(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  linger(argument: _podferry_v1_MigrationRef, options?: grpc.CallOptions): grpc.ClientReadableStream<_podferry_v1_Progress__Output>;
  
  ListMigrations(argument: _podferry_v1_ListMigrationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  ListMigrations(argument: _podferry_v1_ListMigrationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  ListMigrations(argument: _podferry_v1_ListMigrationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  ListMigrations(argument: _podferry_v1_ListMigrationsRequest, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  listMigrations(argument: _podferry_v1_ListMigrationsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  listMigrations(argument: _podferry_v1_ListMigrationsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  listMigrations(argument: _podferry_v1_ListMigrationsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  listMigrations(argument: _podferry_v1_ListMigrationsRequest, callback: grpc.requestCallback<_podferry_v1_ListMigrationsResponse__Output>): grpc.ClientUnaryCall;
  
  ListPods(argument: _podferry_v1_ListPodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  ListPods(argument: _podferry_v1_ListPodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  ListPods(argument: _podferry_v1_ListPodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  ListPods(argument: _podferry_v1_ListPodsRequest, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  listPods(argument: _podferry_v1_ListPodsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  listPods(argument: _podferry_v1_ListPodsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  listPods(argument: _podferry_v1_ListPodsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  listPods(argument: _podferry_v1_ListPodsRequest, callback: grpc.requestCallback<_podferry_v1_ListPodsResponse__Output>): grpc.ClientUnaryCall;
  
  PassTraffic(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PassTraffic(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PassTraffic(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PassTraffic(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  passTraffic(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  passTraffic(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  passTraffic(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  passTraffic(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  PreflightSource(argument: _podferry_v1_PreflightSourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  PreflightSource(argument: _podferry_v1_PreflightSourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  PreflightSource(argument: _podferry_v1_PreflightSourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  PreflightSource(argument: _podferry_v1_PreflightSourceRequest, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  preflightSource(argument: _podferry_v1_PreflightSourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  preflightSource(argument: _podferry_v1_PreflightSourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  preflightSource(argument: _podferry_v1_PreflightSourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  preflightSource(argument: _podferry_v1_PreflightSourceRequest, callback: grpc.requestCallback<_podferry_v1_PreflightSourceResponse__Output>): grpc.ClientUnaryCall;
  
  PreflightTarget(argument: _podferry_v1_PreflightTargetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  PreflightTarget(argument: _podferry_v1_PreflightTargetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  PreflightTarget(argument: _podferry_v1_PreflightTargetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  PreflightTarget(argument: _podferry_v1_PreflightTargetRequest, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  preflightTarget(argument: _podferry_v1_PreflightTargetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  preflightTarget(argument: _podferry_v1_PreflightTargetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  preflightTarget(argument: _podferry_v1_PreflightTargetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  preflightTarget(argument: _podferry_v1_PreflightTargetRequest, callback: grpc.requestCallback<_podferry_v1_PreflightTargetResponse__Output>): grpc.ClientUnaryCall;
  
  PrepareSource(argument: _podferry_v1_PrepareSourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PrepareSource(argument: _podferry_v1_PrepareSourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PrepareSource(argument: _podferry_v1_PrepareSourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  PrepareSource(argument: _podferry_v1_PrepareSourceRequest, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  prepareSource(argument: _podferry_v1_PrepareSourceRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  prepareSource(argument: _podferry_v1_PrepareSourceRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  prepareSource(argument: _podferry_v1_PrepareSourceRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  prepareSource(argument: _podferry_v1_PrepareSourceRequest, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  PrepareTarget(argument: _podferry_v1_PrepareTargetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  PrepareTarget(argument: _podferry_v1_PrepareTargetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  PrepareTarget(argument: _podferry_v1_PrepareTargetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  PrepareTarget(argument: _podferry_v1_PrepareTargetRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  prepareTarget(argument: _podferry_v1_PrepareTargetRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  prepareTarget(argument: _podferry_v1_PrepareTargetRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  prepareTarget(argument: _podferry_v1_PrepareTargetRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  prepareTarget(argument: _podferry_v1_PrepareTargetRequest, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  ReadCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  ReadCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  ReadCheckpoint(argument: _podferry_v1_CheckpointRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  ReadCheckpoint(argument: _podferry_v1_CheckpointRef, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  readCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  readCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  readCheckpoint(argument: _podferry_v1_CheckpointRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  readCheckpoint(argument: _podferry_v1_CheckpointRef, callback: grpc.requestCallback<_podferry_v1_ReadCheckpointResponse__Output>): grpc.ClientUnaryCall;
  
  Receive(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Receive(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Receive(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Receive(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  receive(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  receive(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  receive(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  receive(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  ReleaseSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  ReleaseSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  ReleaseSource(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  ReleaseSource(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  releaseSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  releaseSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  releaseSource(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  releaseSource(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  RemoveCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  RemoveCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  RemoveCheckpoint(argument: _podferry_v1_CheckpointRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  RemoveCheckpoint(argument: _podferry_v1_CheckpointRef, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  removeCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  removeCheckpoint(argument: _podferry_v1_CheckpointRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  removeCheckpoint(argument: _podferry_v1_CheckpointRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  removeCheckpoint(argument: _podferry_v1_CheckpointRef, callback: grpc.requestCallback<_podferry_v1_RemoveCheckpointResponse__Output>): grpc.ClientUnaryCall;
  
  Restore(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Restore(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Restore(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  Restore(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  restore(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  restore(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  restore(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  restore(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_TargetState__Output>): grpc.ClientUnaryCall;
  
  Revoke(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  Revoke(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  revoke(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  revoke(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  revoke(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  revoke(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
  RollBackSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  RollBackSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  RollBackSource(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  RollBackSource(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  rollBackSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  rollBackSource(argument: _podferry_v1_MigrationRef, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  rollBackSource(argument: _podferry_v1_MigrationRef, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  rollBackSource(argument: _podferry_v1_MigrationRef, callback: grpc.requestCallback<_podferry_v1_SourceState__Output>): grpc.ClientUnaryCall;
  
}

export interface AgentHandlers extends grpc.UntypedServiceImplementation {
  Arm: grpc.handleUnaryCall<_podferry_v1_ArmRequest__Output, _podferry_v1_SourceState>;
  
  AwaitTargetPod: grpc.handleUnaryCall<_podferry_v1_AwaitTargetPodRequest__Output, _podferry_v1_TargetState>;
  
  Commit: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_SourceState>;
  
  CopyAhead: grpc.handleServerStreamingCall<_podferry_v1_MigrationRef__Output, _podferry_v1_Progress>;
  
  CreateTargetPod: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_TargetState>;
  
  DiscardTarget: grpc.handleUnaryCall<_podferry_v1_DiscardRequest__Output, _podferry_v1_TargetState>;
  
  Facts: grpc.handleUnaryCall<_podferry_v1_FactsRequest__Output, _podferry_v1_NodeFacts>;
  
  FinishTarget: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_TargetState>;
  
  Follow: grpc.handleServerStreamingCall<_podferry_v1_MigrationRef__Output, _podferry_v1_Progress>;
  
  FreezeAndSend: grpc.handleServerStreamingCall<_podferry_v1_MigrationRef__Output, _podferry_v1_Progress>;
  
  HoldSource: grpc.handleUnaryCall<_podferry_v1_HoldRequest__Output, _podferry_v1_Hold>;
  
  LiftHold: grpc.handleUnaryCall<_podferry_v1_LiftRequest__Output, _podferry_v1_Hold>;
  
  Linger: grpc.handleServerStreamingCall<_podferry_v1_MigrationRef__Output, _podferry_v1_Progress>;
  
  ListMigrations: grpc.handleUnaryCall<_podferry_v1_ListMigrationsRequest__Output, _podferry_v1_ListMigrationsResponse>;
  
  ListPods: grpc.handleUnaryCall<_podferry_v1_ListPodsRequest__Output, _podferry_v1_ListPodsResponse>;
  
  PassTraffic: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_SourceState>;
  
  PreflightSource: grpc.handleUnaryCall<_podferry_v1_PreflightSourceRequest__Output, _podferry_v1_PreflightSourceResponse>;
  
  PreflightTarget: grpc.handleUnaryCall<_podferry_v1_PreflightTargetRequest__Output, _podferry_v1_PreflightTargetResponse>;
  
  PrepareSource: grpc.handleUnaryCall<_podferry_v1_PrepareSourceRequest__Output, _podferry_v1_SourceState>;
  
  PrepareTarget: grpc.handleUnaryCall<_podferry_v1_PrepareTargetRequest__Output, _podferry_v1_TargetState>;
  
  ReadCheckpoint: grpc.handleUnaryCall<_podferry_v1_CheckpointRef__Output, _podferry_v1_ReadCheckpointResponse>;
  
  Receive: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_TargetState>;
  
  ReleaseSource: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_SourceState>;
  
  RemoveCheckpoint: grpc.handleUnaryCall<_podferry_v1_CheckpointRef__Output, _podferry_v1_RemoveCheckpointResponse>;
  
  Restore: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_TargetState>;
  
  Revoke: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_SourceState>;
  
  RollBackSource: grpc.handleUnaryCall<_podferry_v1_MigrationRef__Output, _podferry_v1_SourceState>;
  
}

export interface AgentDefinition extends grpc.ServiceDefinition {
  Arm: MethodDefinition<_podferry_v1_ArmRequest, _podferry_v1_SourceState, _podferry_v1_ArmRequest__Output, _podferry_v1_SourceState__Output>
  AwaitTargetPod: MethodDefinition<_podferry_v1_AwaitTargetPodRequest, _podferry_v1_TargetState, _podferry_v1_AwaitTargetPodRequest__Output, _podferry_v1_TargetState__Output>
  Commit: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_SourceState, _podferry_v1_MigrationRef__Output, _podferry_v1_SourceState__Output>
  CopyAhead: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_Progress, _podferry_v1_MigrationRef__Output, _podferry_v1_Progress__Output>
  CreateTargetPod: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_TargetState, _podferry_v1_MigrationRef__Output, _podferry_v1_TargetState__Output>
  DiscardTarget: MethodDefinition<_podferry_v1_DiscardRequest, _podferry_v1_TargetState, _podferry_v1_DiscardRequest__Output, _podferry_v1_TargetState__Output>
  Facts: MethodDefinition<_podferry_v1_FactsRequest, _podferry_v1_NodeFacts, _podferry_v1_FactsRequest__Output, _podferry_v1_NodeFacts__Output>
  FinishTarget: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_TargetState, _podferry_v1_MigrationRef__Output, _podferry_v1_TargetState__Output>
  Follow: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_Progress, _podferry_v1_MigrationRef__Output, _podferry_v1_Progress__Output>
  FreezeAndSend: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_Progress, _podferry_v1_MigrationRef__Output, _podferry_v1_Progress__Output>
  HoldSource: MethodDefinition<_podferry_v1_HoldRequest, _podferry_v1_Hold, _podferry_v1_HoldRequest__Output, _podferry_v1_Hold__Output>
  LiftHold: MethodDefinition<_podferry_v1_LiftRequest, _podferry_v1_Hold, _podferry_v1_LiftRequest__Output, _podferry_v1_Hold__Output>
  Linger: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_Progress, _podferry_v1_MigrationRef__Output, _podferry_v1_Progress__Output>
  ListMigrations: MethodDefinition<_podferry_v1_ListMigrationsRequest, _podferry_v1_ListMigrationsResponse, _podferry_v1_ListMigrationsRequest__Output, _podferry_v1_ListMigrationsResponse__Output>
  ListPods: MethodDefinition<_podferry_v1_ListPodsRequest, _podferry_v1_ListPodsResponse, _podferry_v1_ListPodsRequest__Output, _podferry_v1_ListPodsResponse__Output>
  PassTraffic: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_SourceState, _podferry_v1_MigrationRef__Output, _podferry_v1_SourceState__Output>
  PreflightSource: MethodDefinition<_podferry_v1_PreflightSourceRequest, _podferry_v1_PreflightSourceResponse, _podferry_v1_PreflightSourceRequest__Output, _podferry_v1_PreflightSourceResponse__Output>
  PreflightTarget: MethodDefinition<_podferry_v1_PreflightTargetRequest, _podferry_v1_PreflightTargetResponse, _podferry_v1_PreflightTargetRequest__Output, _podferry_v1_PreflightTargetResponse__Output>
  PrepareSource: MethodDefinition<_podferry_v1_PrepareSourceRequest, _podferry_v1_SourceState, _podferry_v1_PrepareSourceRequest__Output, _podferry_v1_SourceState__Output>
  PrepareTarget: MethodDefinition<_podferry_v1_PrepareTargetRequest, _podferry_v1_TargetState, _podferry_v1_PrepareTargetRequest__Output, _podferry_v1_TargetState__Output>
  ReadCheckpoint: MethodDefinition<_podferry_v1_CheckpointRef, _podferry_v1_ReadCheckpointResponse, _podferry_v1_CheckpointRef__Output, _podferry_v1_ReadCheckpointResponse__Output>
  Receive: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_TargetState, _podferry_v1_MigrationRef__Output, _podferry_v1_TargetState__Output>
  ReleaseSource: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_SourceState, _podferry_v1_MigrationRef__Output, _podferry_v1_SourceState__Output>
  RemoveCheckpoint: MethodDefinition<_podferry_v1_CheckpointRef, _podferry_v1_RemoveCheckpointResponse, _podferry_v1_CheckpointRef__Output, _podferry_v1_RemoveCheckpointResponse__Output>
  Restore: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_TargetState, _podferry_v1_MigrationRef__Output, _podferry_v1_TargetState__Output>
  Revoke: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_SourceState, _podferry_v1_MigrationRef__Output, _podferry_v1_SourceState__Output>
  RollBackSource: MethodDefinition<_podferry_v1_MigrationRef, _podferry_v1_SourceState, _podferry_v1_MigrationRef__Output, _podferry_v1_SourceState__Output>
}
