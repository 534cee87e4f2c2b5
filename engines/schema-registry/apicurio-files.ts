/** The Apicurio Registry as its makers pack it, fetched with Maven and unpacked into one folder of the cache, once. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../engine.ts';
import { runMaven } from '../maven.ts';
import { CACHE_DIRECTORY } from '../places.ts';

/** The last version that needs no more than Java 17 and no server beside it. */
const VERSION = '3.0.9';
const ARTIFACT = `io.apicurio:apicurio-registry-app:${VERSION}:tar.gz:all`;
/** Later versions of the plugin read the artifact's parent first, which its makers never published. */
const UNPACK = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:unpack';

/** The jar to run, complete with what it needs beside it. */
export async function apicurioJar(progress: Progress): Promise<string> {
  const folder = join(CACHE_DIRECTORY, `apicurio-registry-${VERSION}`);
  const jar = join(folder, `apicurio-registry-app-${VERSION}-runner.jar`);
  if (existsSync(jar)) return jar;
  progress('fetching the Apicurio Registry with Maven (the first time this takes a minute)');
  await mkdir(CACHE_DIRECTORY, { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    await runMaven([UNPACK, `-Dartifact=${ARTIFACT}`, `-DoutputDirectory=${partial}`], partial);
    await rename(partial, folder).catch((cause: unknown) => {
      // Another process may have been faster: its folder appeared complete, as this one would have.
      if (!existsSync(jar)) throw cause;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return jar;
}
