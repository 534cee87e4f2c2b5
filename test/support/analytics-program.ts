/** The Python program in `analytics/`, with the packages that its requirements pin, in an environment of its own. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CACHE_DIRECTORY, PROJECT_DIRECTORY } from '../../engines/places.ts';

const run = promisify(execFile);

const FOLDER = join(PROJECT_DIRECTORY, 'analytics');
const REQUIREMENTS = join(FOLDER, 'requirements.txt');
const OUTPUT_BYTES_MAX = 16 * 1_048_576;

export class AnalyticsProgram {
  readonly #python: string;

  private constructor(python: string) {
    this.#python = python;
  }

  /** Fetches the packages from PyPI, once for each list of requirements. */
  static async prepare(): Promise<AnalyticsProgram> {
    const digest = createHash('sha256')
      .update(await readFile(REQUIREMENTS))
      .digest('hex')
      .slice(0, 12);
    const environment = join(CACHE_DIRECTORY, `analytics-${digest}`);
    const python = join(environment, 'bin', 'python');
    if (!existsSync(python)) await makeEnvironment(environment);
    return new AnalyticsProgram(python);
  }

  /** Resolves to what it prints; rejects with what it says when it fails. */
  async answers(args: readonly string[]): Promise<string> {
    const options = { cwd: FOLDER, maxBuffer: OUTPUT_BYTES_MAX };
    const { stdout } = await run(this.#python, ['-m', 'fleet_analytics', ...args], options);
    return stdout;
  }

  /** Its own tests. Rejects with their report when one fails. */
  async test(): Promise<void> {
    await run(this.#python, ['-m', 'unittest', 'discover', '-t', '.', '-s', 'tests'], { cwd: FOLDER });
  }
}

async function makeEnvironment(environment: string): Promise<void> {
  await mkdir(CACHE_DIRECTORY, { recursive: true });
  const partial = await mkdtemp(`${environment}.partial-`);
  try {
    await run('python3', ['-m', 'venv', partial]).catch((cause: unknown) => {
      throw new Error('Python 3.11 with venv is needed. On Debian: apt-get install python3-venv', { cause });
    });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', REQUIREMENTS];
    await run(join(partial, 'bin', 'python'), install);
    await rename(partial, environment);
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}
