/** A key set (JWKS) from text; what is wrong with it repeats no key. */
import type { JSONWebKeySet } from 'jose';
import { z } from 'zod';

export type KeySet = JSONWebKeySet;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) });

/** Public keys only, however many else there are: a secret has its own place. Throws an `Error`. */
export function parseKeys(text: string): KeySet {
  const parsed = keySet.safeParse(parseJson(text));
  const keys = (parsed.data?.keys ?? []).filter(({ kty }) => kty !== 'oct');
  if (keys.length === 0) throw new Error('is no JWKS with a public key in it: {"keys":[…]}');
  return { keys };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
