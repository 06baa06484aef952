import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { Mount as _containerd_types_Mount, Mount__Output as _containerd_types_Mount__Output } from './containerd/types/Mount.ts';

export interface ProtoGrpcType {
  containerd: {
    types: {
      Mount: MessageTypeDefinition<_containerd_types_Mount, _containerd_types_Mount__Output>
    }
  }
}

