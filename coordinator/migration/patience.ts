/** For how long something is tried that does not work. */
/** How long a side that does not do what is asked is asked again, and how often. Milliseconds. */
export interface Patience {
  /** Before the commit, to roll back. */
  rollBackMs: number;
  /** After it, to get the target running and the source away. */
  forwardMs: number;
  firstPauseMs: number;
  longestPauseMs: number;
  /** How long a pod that has lost its object may run without one, while it is tried again to move it. */
  heldMs: number;
}

export const defaultPatience: Patience = {
  rollBackMs: 60_000,
  forwardMs: 120_000,
  firstPauseMs: 100,
  longestPauseMs: 2_000,
  heldMs: 1_800_000,
};
