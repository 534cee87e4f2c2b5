/**
 * The jars that a pom asks for, copied from Maven's repositories into one folder of the cache. A folder appears only when it
 * is complete, and is checked before every use; several processes may ask at once.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from './engine.ts';
import { runMaven } from './maven.ts';
import { CACHE_DIRECTORY } from './places.ts';

/** File name and size in bytes of every jar. */
type JarList = Readonly<Record<string, number>>;

const LIST = 'jars.json';

/** The folder with the run-time jars of `pom`, resolved now if they are not there yet. */
export async function mavenJars(name: string, pom: string, progress: Progress): Promise<string> {
  // A pom that changes is another folder: what runs on the old one is left alone.
  const digest = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex')
    .slice(0, 12);
  const folder = join(CACHE_DIRECTORY, `${name}-jars-${digest}`);
  const list = await readList(folder);
  if (list !== undefined && (await isComplete(folder, list))) return folder;
  progress(`resolving the jars of ${name} with Maven (the first time this takes a minute or two)`);
  const partial = `${folder}.partial-${process.pid}`;
  try {
    await mkdir(partial, { recursive: true });
    await copyDependencies(pom, partial);
    await writeFile(join(partial, LIST), JSON.stringify(await listOf(partial), null, 2));
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder).catch(async (cause: unknown) => {
      // Another process was faster; its folder is as good if it is whole.
      const theirs = await readList(folder);
      if (theirs === undefined || !(await isComplete(folder, theirs))) throw cause;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return folder;
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

async function readList(folder: string): Promise<JarList | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, LIST), 'utf8')) as JarList;
  } catch {
    return undefined;
  }
}

async function isComplete(folder: string, list: JarList): Promise<boolean> {
  const found = await listOf(folder);
  return Object.entries(list).every(([jar, bytes]) => found[jar] === bytes);
}

async function listOf(folder: string): Promise<JarList> {
  const jars = (await readdir(folder)).filter((file) => file.endsWith('.jar')).sort();
  return Object.fromEntries(
    await Promise.all(jars.map(async (jar) => [jar, (await stat(join(folder, jar))).size] as const)),
  );
}
