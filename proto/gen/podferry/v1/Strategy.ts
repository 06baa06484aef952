// Original file: migration.proto

export const Strategy = {
  STRATEGY_UNSPECIFIED: 'STRATEGY_UNSPECIFIED',
  stop_and_copy: 'stop_and_copy',
  pre_copy: 'pre_copy',
  post_copy: 'post_copy',
  recreate: 'recreate',
  auto: 'auto',
} as const;

export type Strategy =
  | 'STRATEGY_UNSPECIFIED'
  | 0
  | 'stop_and_copy'
  | 1
  | 'pre_copy'
  | 2
  | 'post_copy'
  | 3
  | 'recreate'
  | 4
  | 'auto'
  | 5

export type Strategy__Output = typeof Strategy[keyof typeof Strategy]
