/**
 * `%c`, `%u` and `%t` in texts of the operator stand for the client identifier, the client name and the tenant of a connection,
 * `%%` for a percent sign.
 */

/** What place-holders stand for. */
export interface PlaceHolderSubject {
  readonly clientId: string;
  readonly clientName: string;
  readonly tenant: string;
}

const PLACE_HOLDER = /%(.?)/gsu;

/** The first that means nothing. */
export function unknownPlaceHolder(text: string): string | undefined {
  for (const [holder, letter] of text.matchAll(PLACE_HOLDER))
    if (letter === undefined || letter === '' || !'cut%'.includes(letter)) return holder;
  return undefined;
}

export function usesPlaceHolder(text: string, wanted: 'c' | 'u' | 't'): boolean {
  return [...text.matchAll(PLACE_HOLDER)].some(([, letter]) => letter === wanted);
}

/** One pass: a place-holder inside a name is not filled in again. */
export function fill(text: string, subject: PlaceHolderSubject): string {
  return text.replace(PLACE_HOLDER, (_holder, letter: string) => {
    if (letter === 'c') return subject.clientId;
    if (letter === 'u') return subject.clientName;
    return letter === 't' ? subject.tenant : '%';
  });
}

/** undefined: a name that the text uses would not stay within its level, see `isSafeInFilter`. */
export function fillSafely(text: string, subject: PlaceHolderSubject): string | undefined {
  const { clientId, clientName } = subject;
  if (usesPlaceHolder(text, 'c') && !isSafeInFilter(clientId)) return undefined;
  if (usesPlaceHolder(text, 'u') && !isSafeInFilter(clientName)) return undefined;
  return fill(text, subject);
}

/**
 * Whether a name may stand for a place-holder: it has to stay within its level and mean only itself, or a client
 * could choose an identifier such as `+` and reach everybody's topics.
 */
export function isSafeInFilter(name: string): boolean {
  return name !== '' && !/[+#/\0]/.test(name) && !name.startsWith('$');
}
