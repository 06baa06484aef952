// Original file: authority.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { IssueReply as _podferry_v1_IssueReply, IssueReply__Output as _podferry_v1_IssueReply__Output } from '../../podferry/v1/IssueReply.ts';
import type { IssueRequest as _podferry_v1_IssueRequest, IssueRequest__Output as _podferry_v1_IssueRequest__Output } from '../../podferry/v1/IssueRequest.ts';

export interface AuthorityClient extends grpc.Client {
  Issue(argument: _podferry_v1_IssueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  Issue(argument: _podferry_v1_IssueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  Issue(argument: _podferry_v1_IssueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  Issue(argument: _podferry_v1_IssueRequest, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  issue(argument: _podferry_v1_IssueRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  issue(argument: _podferry_v1_IssueRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  issue(argument: _podferry_v1_IssueRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  issue(argument: _podferry_v1_IssueRequest, callback: grpc.requestCallback<_podferry_v1_IssueReply__Output>): grpc.ClientUnaryCall;
  
}

export interface AuthorityHandlers extends grpc.UntypedServiceImplementation {
  Issue: grpc.handleUnaryCall<_podferry_v1_IssueRequest__Output, _podferry_v1_IssueReply>;
  
}

export interface AuthorityDefinition extends grpc.ServiceDefinition {
  Issue: MethodDefinition<_podferry_v1_IssueRequest, _podferry_v1_IssueReply, _podferry_v1_IssueRequest__Output, _podferry_v1_IssueReply__Output>
}
