/** Finds programs that packages of the system bring, also where those put what is not on everybody's path. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { EngineError } from './engine.ts';

/** Where packages put servers. */
const SYSTEM_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** The path of the first of `names` that is installed, or undefined. */
export function installedCommand(...names: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  for (const name of names) {
    const folder = folders.find((path) => existsSync(join(path, name)));
    if (folder !== undefined) return join(folder, name);
  }
  return undefined;
}

/** What is missing, in one line, or undefined. `find` throws an `EngineError` when something is. */
export function missing(find: () => unknown): string | undefined {
  try {
    find();
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}
