/**
 * Rendezvous hashing: of several candidates every broker picks the same one for a key, and when one goes only its own keys move.
 * Thaler and Ravishankar, "A Name-Based Mapping Scheme for Rendezvous" (1996).
 */

/** The candidate with the highest hash for the key; undefined: there is none. */
export function rendezvous<Candidate extends string>(
  key: string,
  candidates: Iterable<Candidate>,
): Candidate | undefined {
  let chosen: Candidate | undefined;
  let highest = -1;
  for (const candidate of candidates) {
    const weight = mixed(fnv1a(key, fnv1a(candidate, FNV_OFFSET)));
    // Of two alike the names decide, whatever the order they come in.
    if (weight < highest || (weight === highest && chosen !== undefined && candidate < chosen)) continue;
    highest = weight;
    chosen = candidate;
  }
  return chosen;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function fnv1a(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  return hash;
}

/** The finalizer of MurmurHash3: FNV alone leaves keys that differ in their last character close together. */
function mixed(hash: number): number {
  let h = hash ^ (hash >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
