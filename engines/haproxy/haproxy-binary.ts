/** Finds HAProxy, and says what to install where it is missing. */
import { EngineError } from '../engine.ts';
import { installedCommand, missing } from '../installed-command.ts';

/** The command that runs HAProxy. Throws an `EngineError` when there is none. */
export function haproxyCommand(): string {
  const command = installedCommand('haproxy');
  if (command === undefined)
    throw new EngineError(
      'HAProxy is needed, and "haproxy" is not on the path. On Debian or Ubuntu: apt-get install haproxy',
    );
  return command;
}

/** What is missing, in one line, or undefined. */
export function missingHAProxy(): string | undefined {
  return missing(haproxyCommand);
}
