/**
 * The jars that a pom asks for, copied from Maven's repositories into one folder of the cache. A folder appears only when it
 * is complete, and is checked before every use; several processes may ask at once.
 */
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from './engine.ts';
import type { Progress } from './engine.ts';
import { mavenCommand } from './java.ts';
import { CACHE_DIRECTORY } from './places.ts';

/** File name and size in bytes of every jar. */
type JarList = Readonly<Record<string, number>>;

const LIST = 'jars.json';
const OUTPUT_CHARACTERS_MAX = 4_000;

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

/** Runs Maven without questions; rejects with the end of what it printed. */
export async function runMaven(args: readonly string[]): Promise<void> {
  const child = spawn(mavenCommand(), ['--quiet', '--batch-mode', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0)
    throw new EngineError(
      `"mvn ${args.join(' ')}" failed. Can it reach a Maven repository? Its last words:\n${output.trim()}`,
    );
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
