// Original file: migration.proto

export const Phase = {
  PHASE_UNSPECIFIED: 'PHASE_UNSPECIFIED',
  Pending: 'Pending',
  Preparing: 'Preparing',
  PreCopying: 'PreCopying',
  Freezing: 'Freezing',
  Dumping: 'Dumping',
  Transferring: 'Transferring',
  Restoring: 'Restoring',
  CuttingOver: 'CuttingOver',
  Completing: 'Completing',
  Succeeded: 'Succeeded',
  RolledBack: 'RolledBack',
  Failed: 'Failed',
} as const;

export type Phase =
  | 'PHASE_UNSPECIFIED'
  | 0
  | 'Pending'
  | 1
  | 'Preparing'
  | 2
  | 'PreCopying'
  | 3
  | 'Freezing'
  | 4
  | 'Dumping'
  | 5
  | 'Transferring'
  | 6
  | 'Restoring'
  | 7
  | 'CuttingOver'
  | 8
  | 'Completing'
  | 9
  | 'Succeeded'
  | 10
  | 'RolledBack'
  | 11
  | 'Failed'
  | 12

export type Phase__Output = typeof Phase[keyof typeof Phase]
