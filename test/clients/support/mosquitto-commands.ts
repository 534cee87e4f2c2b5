/** Finds mosquitto's clients, and says what to install where they are missing. */
import { spawnSync } from 'node:child_process';

const COMMANDS = ['mosquitto_pub', 'mosquitto_sub'] as const;

/** What is missing, in one line, or undefined. */
export function missingMosquitto(): string | undefined {
  const missing = COMMANDS.filter((command) => spawnSync(command, ['--help']).error !== undefined);
  return missing.length === 0
    ? undefined
    : `${missing.join(' and ')} cannot be run. On Debian or Ubuntu: apt-get install mosquitto-clients`;
}
