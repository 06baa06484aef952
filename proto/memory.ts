/** What both ends of post-copy must agree on. */

/**
 * How long the pod at the target waits for memory of which nothing comes. After that it is ended there: with pages of
 * zeros in the place of those that are missing it would go on with wrong memory. In milliseconds.
 */
export const memoryPatienceMs = 30_000;

/** The other side has given up for certain by then, even where it has heard the last page later, or been held up. */
export const certainlyGivenUpMs = 2 * memoryPatienceMs + 30_000;
