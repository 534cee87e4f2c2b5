/**
 * Maven as it is installed, or else fetched once from Maven's own repository into the cache: whoever has Java has all it takes.
 * The archive is unpacked only when it is the one that was published.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from './engine.ts';
import { installedCommand } from './installed-command.ts';
import { CACHE_DIRECTORY } from './places.ts';

const VERSION = '3.9.9';
/** As published beside the archive, of which it is the SHA-512. */
const DIGEST =
  'a555254d6b53d267965a3404ecb14e53c3827c09c3b94b5678835887ab404556bfaf78dcfe03ba76fa2508649dca8531c74bca4d5846513522404d48e8c4ac8b';
const CENTRAL = 'https://repo.maven.apache.org/maven2';
const FETCH_MS_MAX = 120_000;
const INSTALL = 'Or install it; on Debian or Ubuntu: apt-get install maven';

/** The command that runs Maven. */
export async function mavenCommand(): Promise<string> {
  // Another repository is named as for Maven's own wrapper.
  return (
    installedCommand('mvn') ?? (await fetchedMaven(process.env['MVNW_REPOURL'] ?? CENTRAL, CACHE_DIRECTORY))
  );
}

/** Rejects with an `EngineError` when it cannot be had, or is not what was published. */
export async function fetchedMaven(repository: string, cacheDirectory: string): Promise<string> {
  const folder = join(cacheDirectory, `apache-maven-${VERSION}`);
  const command = join(folder, 'bin', 'mvn');
  if (existsSync(command)) return command;
  await mkdir(cacheDirectory, { recursive: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  try {
    const archive = join(partial, 'maven.tar.gz');
    const path = `org/apache/maven/apache-maven/${VERSION}/apache-maven-${VERSION}-bin.tar.gz`;
    await writeFile(archive, await fetched(`${repository}/${path}`));
    await unpack(archive, partial);
    // Another process may have been faster: its Maven is the same.
    await rename(join(partial, `apache-maven-${VERSION}`), folder).catch((cause: unknown) => {
      if (!existsSync(command)) throw cause;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  return command;
}

async function fetched(url: string): Promise<Buffer> {
  const bytes = await bytesAt(url).catch((cause: unknown) => {
    throw new EngineError(`Maven is needed, and ${url} cannot be fetched. ${INSTALL}`, { cause });
  });
  if (createHash('sha512').update(bytes).digest('hex') !== DIGEST)
    throw new EngineError(`Maven is needed, and ${url} is not the archive that was published. ${INSTALL}`);
  return bytes;
}

async function bytesAt(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS_MAX) });
  if (!response.ok) throw new Error(`the answer is ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function unpack(archive: string, directory: string): Promise<void> {
  const child = spawn('tar', ['-xzf', archive, '-C', directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new EngineError(`"tar" could not unpack ${archive}.`);
}
