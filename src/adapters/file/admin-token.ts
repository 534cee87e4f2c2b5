/** The secret that the admin API asks for: a file that only the user who runs the broker can read. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DIRECTORY_MODE, isErrno, PRIVATE_MODE } from './atomic-write.ts';

const TOKEN_FILE = 'admin-token';
const TOKEN_BYTES = 32;

export function adminTokenFile(dataDirectory: string): string {
  return join(dataDirectory, TOKEN_FILE);
}

/** undefined: no broker has run with this data directory. */
export async function readAdminToken(dataDirectory: string): Promise<string | undefined> {
  try {
    const token = (await readFile(adminTokenFile(dataDirectory), 'utf8')).trim();
    return token === '' ? undefined : token;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** The token there is, or a new one. It stays the same over restarts, so that scripts may keep it. */
export async function ensureAdminToken(dataDirectory: string): Promise<string> {
  const existing = await readAdminToken(dataDirectory);
  if (existing !== undefined) return existing;
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const file = adminTokenFile(dataDirectory);
  await mkdir(dataDirectory, { recursive: true, mode: DIRECTORY_MODE });
  // One broker runs per data directory, so what a crash left of an earlier attempt is ours to overwrite.
  await writeFile(`${file}.new`, `${token}\n`, { mode: PRIVATE_MODE });
  await rename(`${file}.new`, file);
  return token;
}
