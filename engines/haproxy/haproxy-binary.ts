/** Finds HAProxy, and says what to install where it is missing. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { EngineError } from '../engine.ts';

/** Where packages put it; not on everybody's path. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** The command that runs HAProxy. Throws an `EngineError` when there is none. */
export function haproxyCommand(): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  const folder = folders.find((path) => existsSync(join(path, 'haproxy')));
  if (folder === undefined)
    throw new EngineError(
      'HAProxy is needed, and "haproxy" is not on the path. On Debian or Ubuntu: apt-get install haproxy',
    );
  return join(folder, 'haproxy');
}

/** What is missing, in one line, or undefined. */
export function missingHAProxy(): string | undefined {
  try {
    haproxyCommand();
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}
