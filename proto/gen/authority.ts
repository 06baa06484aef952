import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { AuthorityClient as _podferry_v1_AuthorityClient, AuthorityDefinition as _podferry_v1_AuthorityDefinition } from './podferry/v1/Authority.ts';
import type { IssueReply as _podferry_v1_IssueReply, IssueReply__Output as _podferry_v1_IssueReply__Output } from './podferry/v1/IssueReply.ts';
import type { IssueRequest as _podferry_v1_IssueRequest, IssueRequest__Output as _podferry_v1_IssueRequest__Output } from './podferry/v1/IssueRequest.ts';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  podferry: {
    v1: {
      Authority: SubtypeConstructor<typeof grpc.Client, _podferry_v1_AuthorityClient> & { service: _podferry_v1_AuthorityDefinition }
      IssueReply: MessageTypeDefinition<_podferry_v1_IssueReply, _podferry_v1_IssueReply__Output>
      IssueRequest: MessageTypeDefinition<_podferry_v1_IssueRequest, _podferry_v1_IssueRequest__Output>
    }
  }
}

