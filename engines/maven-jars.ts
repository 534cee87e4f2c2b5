/**
 * The jars that a pom asks for, copied from Maven's repositories into one folder of the cache. A folder appears only when it
 * is complete, and is checked before every use; several processes may ask at once.
 */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from './engine.ts';
import { runMaven } from './maven.ts';
import { CACHE_DIRECTORY } from './places.ts';

/** File name and size in bytes of every jar. */
type JarList = Readonly<Record<string, number>>;

const LIST = 'jars.json';

/** The folder with the run-time jars of `pom`, resolved now if they are not there yet. */
export async function mavenJars(
  name: string,
  pom: string,
  progress: Progress,
  cacheDirectory = CACHE_DIRECTORY,
): Promise<string> {
  // A pom that changes is another folder: what runs on the old one is left alone.
  const digest = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const folder = join(cacheDirectory, `${name}-jars-${digest}`);
  if (await isWhole(folder)) return folder;
  progress(`resolving the jars of ${name} with Maven (the first time this takes a minute or two)`);
  await mkdir(cacheDirectory, { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    await copyDependencies(pom, partial);
    await writeFile(join(partial, LIST), JSON.stringify(await listOf(partial), null, 2));
    await publish(partial, folder);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
}

async function publish(partial: string, folder: string): Promise<void> {
  // Another process may have been faster, and may be using its folder already: it is as good as this one.
  if (await isWhole(folder)) return;
  await rm(folder, { recursive: true, force: true });
  await rename(partial, folder).catch(async (cause: unknown) => {
    if (!(await isWhole(folder))) throw cause;
  });
}

async function copyDependencies(pom: string, folder: string): Promise<void> {
  await runMaven([
    '-f',
    pom,
    'dependency:copy-dependencies',
    '-DincludeScope=runtime',
    `-DoutputDirectory=${folder}`,
  ]);
}

/** Every jar of the folder's list is there in full length. */
async function isWhole(folder: string): Promise<boolean> {
  try {
    const list = JSON.parse(await readFile(join(folder, LIST), 'utf8')) as JarList;
    const found = await listOf(folder);
    return Object.entries(list).every(([jar, bytes]) => found[jar] === bytes);
  } catch {
    // No folder, or no list that can be read.
    return false;
  }
}

async function listOf(folder: string): Promise<JarList> {
  const jars = (await readdir(folder)).filter((file) => file.endsWith('.jar')).sort();
  return Object.fromEntries(
    await Promise.all(jars.map(async (jar) => [jar, (await stat(join(folder, jar))).size] as const)),
  );
}
