/**
 * Passwords as SCRAM wants them: two spellings of one text become one (SASLprep, RFC 4013). The rule that keeps scripts of
 * both directions apart is left to clients; a password that breaks it is only one that some of them refuse to send.
 */

/** RFC 3454, table C.1.2 without what table B.1 takes away: becomes a space. */
const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g;
/** Table B.1: becomes nothing. */
const INVISIBLE = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200b-\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/g;
/** Tables C.2 to C.9: controls, private use, no characters, surrogates, tags, and what changes how text is shown. */
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}\u0340\u0341\u06dd\u070f\u180e\u200e\u200f\u2028-\u202e\u2061-\u2063\u206a-\u206f\u2ff0-\u2ffb\ufff9-\ufffd\u{1d173}-\u{1d17a}\u{e0001}\u{e0020}-\u{e007f}]/u;

/** undefined: has characters that no password may have, or nothing else. */
export function saslPrepared(text: string): string | undefined {
  const prepared = text.replace(OTHER_SPACES, ' ').replace(INVISIBLE, '').normalize('NFKC');
  return prepared === '' || PROHIBITED.test(prepared) ? undefined : prepared;
}
