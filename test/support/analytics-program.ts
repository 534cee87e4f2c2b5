/** The Python program in `analytics/`, with the packages that its requirements pin, in an environment of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT_DIRECTORY } from '../../engines/places.ts';
import { pythonEnvironment } from './python-environment.ts';

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
    return new AnalyticsProgram(await pythonEnvironment('analytics', REQUIREMENTS));
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
