/** Where the engines keep what they fetch and, unless told otherwise, what they store. Git ignores all of it. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root, from the sources as well as from what is built of them. */
export const PROJECT_DIRECTORY = rootAbove(dirname(fileURLToPath(import.meta.url)));

const ENGINES_DIRECTORY = join(PROJECT_DIRECTORY, '.engines');

/** Jars and other things that can be fetched again. */
export const CACHE_DIRECTORY = join(ENGINES_DIRECTORY, 'cache');

/** Where `npm run engines -- <name> start` keeps data when it is not told. */
export function defaultDataDirectory(engine: string): string {
  return join(ENGINES_DIRECTORY, 'data', engine);
}

/** The one name under which processes know a directory: absolute, links followed as far as it exists. */
export function realDirectory(directory: string): string {
  const absolute = resolve(directory);
  return existsSync(absolute) ? realpathSync(absolute) : absolute;
}

function rootAbove(directory: string): string {
  if (existsSync(join(directory, 'package-lock.json')) && existsSync(join(directory, 'engines')))
    return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error(`${import.meta.url} is not inside the SpokeMQ repository`);
  return rootAbove(parent);
}
