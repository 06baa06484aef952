// Original file: migration.proto

export const Transport = {
  TRANSPORT_UNSPECIFIED: 'TRANSPORT_UNSPECIFIED',
  stream: 'stream',
  nfs: 'nfs',
  directory: 'directory',
} as const;

export type Transport =
  | 'TRANSPORT_UNSPECIFIED'
  | 0
  | 'stream'
  | 1
  | 'nfs'
  | 2
  | 'directory'
  | 3

export type Transport__Output = typeof Transport[keyof typeof Transport]
