/** What the rest of a coordinator needs of an authority, whether it is its own or somebody else's. */
import type { Signer } from './certificate.ts';

/** Who signs at this moment, and who is to be trusted. */
export interface Present {
  signer: Signer;
  /** How long a certificate may live. */
  certificateMs: number;
  /** PEM. */
  trust: string;
}

export interface Authority {
  /**
   * Asked of the API server anew each time, so that nobody signs with what another replica has replaced.
   * @throws Fault
   */
  read(signal: AbortSignal): Promise<Present>;
  /** What is due: trust is published, one authority follows another. The leader's alone. @throws Fault */
  tend(signal: AbortSignal): Promise<void>;
}

/** Whose objects all of that is. */
export interface Place {
  namespace: string;
  secret: string;
  trustConfigMap: string;
}
