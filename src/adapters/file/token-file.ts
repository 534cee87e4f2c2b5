/** A token in a file of its own, that others on the machine cannot read. */
import { open } from 'node:fs/promises';

/** Of others everything, of the group to write. A group may read: that is how secrets are mounted into containers. */
const FORBIDDEN_MODE = 0o027;
/** A token that could be guessed is none. */
const CHARACTERS_MIN = 32;
const BYTES_MAX = 4_096;

/** The token cannot be used. The message names the file and never what is in it. */
export class TokenFileError extends Error {
  override readonly name = 'TokenFileError';
  readonly code = 'TOKEN_FILE';

  constructor(file: string, why: string, options?: ErrorOptions) {
    super(`${file} ${why}`, options);
  }
}

/** Rejects with `TokenFileError`. */
export async function readTokenFile(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new TokenFileError(file, `cannot be read (${code})`, { cause });
  });
  try {
    const { mode, size } = await handle.stat();
    if ((mode & FORBIDDEN_MODE) !== 0)
      throw new TokenFileError(file, 'can be read or changed by others: run "chmod 600" on it');
    if (size > BYTES_MAX)
      throw new TokenFileError(file, `has more than ${BYTES_MAX} bytes: it holds no token`);
    return checked((await handle.readFile('utf8')).trim(), file);
  } finally {
    await handle.close();
  }
}

function checked(token: string, file: string): string {
  if (/\s/.test(token)) throw new TokenFileError(file, 'has more than one word in it: it holds no token');
  if (token.length < CHARACTERS_MIN)
    throw new TokenFileError(
      file,
      `holds a token of less than ${CHARACTERS_MIN} characters: use for example "openssl rand -hex 32"`,
    );
  return token;
}
