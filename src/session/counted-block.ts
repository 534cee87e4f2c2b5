/** A block of session identifiers from a counter that somebody else keeps and adds to. */
import type { SessionIdBlock } from './session-id-blocks.ts';

/** Identifiers reserved with one call. */
export const BLOCK_IDS = 1_024;

/**
 * `add` resolves to what the counter is afterwards. `known`: the highest identifier that the log or an earlier block says was given. The block is
 * above it, so that a counter that was lost or made anew gives none a second time.
 */
export async function countedBlock(
  add: (amount: number) => Promise<number>,
  known: number,
): Promise<SessionIdBlock> {
  let last = await add(BLOCK_IDS);
  const missing = known - (last - BLOCK_IDS);
  // The counter is behind what it gave before: over what is known, and a block on top of that.
  if (missing > 0) last = await add(missing + BLOCK_IDS);
  return { first: last - BLOCK_IDS + 1, last };
}
