import type { RestartOptions } from './restart.ts';

/** What the installer was told. Paths are the node's, but for those of the image. */
export interface Settings extends RestartOptions {
  node: string;
  hostRoot: string;
  wrapper: string;
  criu: 'if-missing' | 'always' | 'never';
  /** In the image. */
  criuSource: string;
  runc: string | undefined;
  containerdConfig: string;
  containerdProgram: string;
  stateDir: string;
}
