import type { ProtoGrpcType as P0 } from './agent.ts';
import type { ProtoGrpcType as P1 } from './authority.ts';
import type { ProtoGrpcType as P2 } from './containers.ts';
import type { ProtoGrpcType as P3 } from './snapshots.ts';
import type { ProtoGrpcType as P4 } from './tasks.ts';
import type { ProtoGrpcType as P5 } from './mount.ts';
import type { ProtoGrpcType as P6 } from './task.ts';
import type { ProtoGrpcType as P7 } from './version.ts';
import type { ProtoGrpcType as P8 } from './coordinator.ts';
import type { ProtoGrpcType as P9 } from './api.ts';
import type { ProtoGrpcType as P10 } from './migration.ts';

export interface Protos {
  'agent.proto': P0;
  'authority.proto': P1;
  'containerd/containers.proto': P2;
  'containerd/snapshots.proto': P3;
  'containerd/tasks.proto': P4;
  'containerd/types/mount.proto': P5;
  'containerd/types/task.proto': P6;
  'containerd/version.proto': P7;
  'coordinator.proto': P8;
  'cri/api.proto': P9;
  'migration.proto': P10;
}
