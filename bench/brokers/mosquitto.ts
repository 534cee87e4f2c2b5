/**
 * Eclipse Mosquitto as packaged, if it is on the path: its own persistence on, its queue limits lifted.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import type { BrokerLauncher } from './launch.ts';

/** Packages put daemons where a normal user's path does not look. */
const SEARCH_PATH = [process.env['PATH'] ?? '', '/usr/sbin', '/usr/local/sbin'].join(delimiter);

export const mosquitto: BrokerLauncher = {
  name: 'mosquitto',
  settings:
    'persistence on, saved every 30 minutes and at exit (its default: what was acknowledged since the last save dies with the ' +
    'process), max_queued_messages 0, max_inflight_messages 0',
  version: () => {
    const help = spawnSync('mosquitto', ['-h'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: SEARCH_PATH },
    });
    return /mosquitto version (\S+)/.exec(help.error === undefined ? help.stdout : '')?.[1];
  },
  plan: ({ port, dataDirectory }) => {
    const configuration = join(dataDirectory, 'mosquitto.conf');
    writeFileSync(
      configuration,
      [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        'persistence true',
        `persistence_location ${dataDirectory}/`,
        'max_queued_messages 0',
        'max_inflight_messages 0',
        `user ${userInfo().username}`,
        'log_type error',
        '',
      ].join('\n'),
    );
    return { command: 'mosquitto', args: ['-c', configuration], env: { PATH: SEARCH_PATH } };
  },
};
