/** `npm run engines -- haproxy start`: its options, and what it leaves running. */
import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { EngineCommand } from '../engine.ts';
import type { FrontWish } from './haproxy-engine.ts';
import { HAProxyEngine } from './haproxy-engine.ts';

interface HAProxyStartOptions {
  readonly front: readonly FrontWish[];
}

const FRONT = /^(\d{1,5}):(\d{1,5})(?::(v1|v2|none))?$/;

/** Before the listeners a broker has by default. */
const DEFAULT_FRONTS = ['11883:1883', '18083:8083'];
const DEFAULT_WISHES: readonly FrontWish[] = DEFAULT_FRONTS.map(frontOf);

export const haproxyCommand: EngineCommand = {
  name: 'haproxy',
  summary: 'HAProxy before a broker on this machine, with PROXY protocol',
  addOptions: (start: Command) =>
    start.addOption(
      new Option(
        '--front <port:broker port[:v1|v2|none]>',
        'one more front; PROXY protocol v2 unless said; may be given several times',
      )
        // The default is not one of several.
        .argParser((text: string, before: readonly FrontWish[]) =>
          before === DEFAULT_WISHES ? [frontOf(text)] : [...before, frontOf(text)],
        )
        .default(DEFAULT_WISHES, DEFAULT_FRONTS.join(' and ')),
    ),
  startDetached: async (dataDirectory, options, progress) => {
    const { front } = options as unknown as HAProxyStartOptions;
    const { record } = await HAProxyEngine.start({ fronts: front, dataDirectory, progress });
    return record;
  },
};

function frontOf(text: string): FrontWish {
  const [, port, brokerPort, header] = FRONT.exec(text) ?? [];
  if (port === undefined || brokerPort === undefined)
    throw new InvalidArgumentError('It has to look like 11883:1883 or 11883:1883:v1.');
  return {
    name: `mqtt-${port}`,
    port: Number(port),
    brokerPort: Number(brokerPort),
    header: header === 'v1' || header === 'none' ? header : 'v2',
  };
}
