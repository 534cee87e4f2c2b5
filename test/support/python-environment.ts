/** Python with the packages that a list of requirements pins, from PyPI: made once for each list, in a place of its own. */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE_DIRECTORY } from '../../engines/places.ts';

const run = promisify(execFile);
const NEEDED = 'Python 3.11 with venv is needed. On Debian: apt-get install python3-venv';

/** Resolves to the interpreter. Rejects when there is no Python, or PyPI does not answer. */
export async function pythonEnvironment(name: string, requirements: string): Promise<string> {
  const digest = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex')
    .slice(0, 12);
  const environment = join(CACHE_DIRECTORY, `${name}-${digest}`);
  const python = join(environment, 'bin', 'python');
  if (!existsSync(python)) await makeEnvironment(environment, requirements);
  return python;
}

/** What is missing, in one line, or undefined. */
export function missingPython(): string | undefined {
  const { status } = spawnSync('python3', [
    '-c',
    'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))',
  ]);
  return status === 0 ? undefined : NEEDED;
}

async function makeEnvironment(environment: string, requirements: string): Promise<void> {
  await mkdir(CACHE_DIRECTORY, { recursive: true });
  const partial = await mkdtemp(`${environment}.partial-`);
  try {
    await run('python3', ['-m', 'venv', partial]).catch((cause: unknown) => {
      throw new Error(NEEDED, { cause });
    });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await run(join(partial, 'bin', 'python'), install);
    await rename(partial, environment);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
