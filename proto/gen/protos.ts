import type { ProtoGrpcType as P0 } from './agent.ts';
import type { ProtoGrpcType as P1 } from './containers.ts';
import type { ProtoGrpcType as P2 } from './snapshots.ts';
import type { ProtoGrpcType as P3 } from './tasks.ts';
import type { ProtoGrpcType as P4 } from './mount.ts';
import type { ProtoGrpcType as P5 } from './task.ts';
import type { ProtoGrpcType as P6 } from './version.ts';
import type { ProtoGrpcType as P7 } from './coordinator.ts';
import type { ProtoGrpcType as P8 } from './api.ts';
import type { ProtoGrpcType as P9 } from './migration.ts';

export interface Protos {
  'agent.proto': P0;
  'containerd/containers.proto': P1;
  'containerd/snapshots.proto': P2;
  'containerd/tasks.proto': P3;
  'containerd/types/mount.proto': P4;
  'containerd/types/task.proto': P5;
  'containerd/version.proto': P6;
  'coordinator.proto': P7;
  'cri/api.proto': P8;
  'migration.proto': P9;
}
