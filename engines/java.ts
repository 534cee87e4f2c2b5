/** Finds the Java that the engines need, and says what to install where it is missing. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { EngineError } from './engine.ts';
import { missing } from './installed-command.ts';

/** HBase 2.6 and our endpoint are proved with 17; Hadoop's client does not start on 24 and later. */
const JAVA_VERSION_MIN = 17;
const JAVA_VERSION_MAX = 21;

const INSTALL = 'On Debian or Ubuntu: apt-get install openjdk-17-jdk-headless';

/** The command that runs Java, from JAVA_HOME or the path. Throws an `EngineError` when it is missing or of another version. */
export function javaCommand(): string {
  const home = process.env['JAVA_HOME'];
  const command = home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
  const answer = spawnSync(command, ['-version'], { encoding: 'utf8' });
  if (answer.error !== undefined)
    throw new EngineError(`Java ${JAVA_VERSION_MIN} is needed, and "${command}" cannot be run. ${INSTALL}`);
  const version = /version "(?:1\.)?(\d+)/.exec(answer.stderr)?.[1];
  if (version === undefined || Number(version) < JAVA_VERSION_MIN || Number(version) > JAVA_VERSION_MAX)
    throw new EngineError(
      `Java ${JAVA_VERSION_MIN} to ${JAVA_VERSION_MAX} is needed, and "${command}" is Java ${version ?? 'unknown'}. ` +
        `Set JAVA_HOME to another one. ${INSTALL}`,
    );
  return command;
}

/** What is missing for engines that run on Java, in one line, or undefined. */
export function missingJava(): string | undefined {
  return missing(javaCommand);
}
