/**
 * The queue endpoint that the region servers load, built from `coprocessor/` of this repository. It is built away from the
 * sources, once for each state of them, so that nobody's own build is disturbed.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Progress } from '../engine.ts';
import { runMaven } from '../maven.ts';
import { CACHE_DIRECTORY, PROJECT_DIRECTORY } from '../places.ts';

const SOURCES = join(PROJECT_DIRECTORY, 'coprocessor');
/** What the jar is made of, below the sources. */
const PARTS = ['pom.xml', 'src/main'];
const JAR = 'spokemq-queue-endpoint.jar';

/** The path of the jar. */
export async function endpointJar(progress: Progress): Promise<string> {
  const folder = join(CACHE_DIRECTORY, `endpoint-${await digestOfSources()}`);
  const jar = join(folder, JAR);
  if (existsSync(jar)) return jar;
  progress('building the queue endpoint with Maven');
  await mkdir(CACHE_DIRECTORY, { recursive: true });
  const build = await mkdtemp(`${folder}.partial-`);
  try {
    for (const part of PARTS) await cp(join(SOURCES, part), join(build, part), { recursive: true });
    await runMaven(['-f', join(build, 'pom.xml'), 'package', '-Dmaven.test.skip=true']);
    await mkdir(folder, { recursive: true });
    // In one step: whoever sees the jar sees all of it.
    await rename(join(build, 'target', JAR), jar);
  } finally {
    await rm(build, { recursive: true, force: true });
  }
  return jar;
}

async function digestOfSources(): Promise<string> {
  const digest = createHash('sha256');
  for (const part of PARTS) {
    const path = join(SOURCES, part);
    for (const file of part.endsWith('.xml') ? [path] : await filesBelow(path))
      digest
        .update(relative(SOURCES, file))
        .update('\0')
        .update(await readFile(file))
        .update('\0');
  }
  return digest.digest('hex').slice(0, 12);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
