// Original file: migration.proto

export const Network = {
  NETWORK_UNSPECIFIED: 'NETWORK_UNSPECIFIED',
  translate: 'translate',
  close: 'close',
  keep_address: 'keep_address',
} as const;

export type Network =
  | 'NETWORK_UNSPECIFIED'
  | 0
  | 'translate'
  | 1
  | 'close'
  | 2
  | 'keep_address'
  | 3

export type Network__Output = typeof Network[keyof typeof Network]
