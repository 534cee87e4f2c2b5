import { describe, expect, it } from 'vitest';
import { bridgeRulesOf } from '../../../src/app/bridge-rules.ts';
import { ConfigError, loadConfig } from '../../../src/app/config.ts';

const OUT = { name: 'out', direction: 'out', filter: 'a/#', channel: 'c' };
const IN = { name: 'in', direction: 'in', filter: 'b/#', stream: 's' };

function load(...rules: readonly object[]) {
  return loadConfig({
    file: undefined,
    environment: { SPOKE_BRIDGE_RULES: JSON.stringify(rules), SPOKE_BRIDGE_REDIS_PREFIX: 'p:' },
    workingDirectory: '/nowhere',
  }).config;
}

/** Without their places. */
function problems(...rules: readonly object[]): readonly string[] {
  try {
    load(...rules);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ key, what }) => `${key}: ${what}`);
    throw error;
  }
}

describe('bridge rules', () => {
  it('come to names as Redis knows them', () => {
    const { bridge } = load(
      { ...OUT, tenant: 'acme', channel: '%t:{topic}', format: 'raw' },
      { ...OUT, name: 'kept', channel: undefined, stream: 'trips-%t' },
      { ...IN, qos: 2, retain: true },
      { ...IN, name: 'heard', stream: undefined, channel: 'h', topic: 'b/1' },
    );
    const [tenant, json] = [{ tenant: 'default' }, { format: 'json' }];
    expect(bridgeRulesOf(bridge)).toEqual([
      {
        name: 'out',
        kind: 'outChannel',
        tenant: 'acme',
        filter: 'a/#',
        format: 'raw',
        channel: 'p:acme:{topic}',
      },
      {
        name: 'kept',
        kind: 'outStream',
        filter: 'a/#',
        stream: 'p:trips-default',
        lengthMax: 1_000_000,
        ...tenant,
        ...json,
      },
      {
        name: 'in',
        kind: 'inStream',
        filter: 'b/#',
        stream: 'p:s',
        group: 'spokemq',
        topic: undefined,
        qos: 2,
        retain: true,
        ...tenant,
        ...json,
      },
      {
        name: 'heard',
        kind: 'inChannel',
        filter: 'b/#',
        channel: 'p:h',
        topic: 'b/1',
        qos: 1,
        retain: false,
        ...tenant,
        ...json,
      },
    ]);
  });

  it.each<[string, object]>([
    ['channel: is missing, and stream too', { ...OUT, channel: undefined }],
    ['stream: is there beside channel', { ...OUT, stream: 's' }],
    [
      'stream: has {topic}: a stream for each topic would be any number of them',
      { ...IN, stream: 's{topic}' },
    ],
    ['channel: has {x}, which is no place-holder', { ...OUT, channel: '{x}' }],
    ['filter: is "a/#/b"', { ...OUT, filter: 'a/#/b' }],
    ['filter: is "$share/g/a"', { ...OUT, filter: '$share/g/a' }],
    ['filter: is "$SYS/#"', { ...OUT, filter: '$SYS/#' }],
    ['topic: is "a/1"', { ...IN, topic: 'a/1' }],
    ['topic: is "b/+"', { ...IN, topic: 'b/+' }],
    [
      'topic: is there beside {topic} in the channel',
      { ...IN, stream: undefined, channel: '{topic}', topic: 'b/1' },
    ],
    [
      'topic: is missing: nothing says where raw messages are published',
      { ...IN, stream: undefined, channel: 'c', format: 'raw' },
    ],
    ['maxLen: counts for nothing with direction "out" and a channel', { ...OUT, maxLen: 1 }],
    ['group: counts for nothing with direction "out" and a channel', { ...OUT, group: 'g' }],
    ['retain: counts for nothing with direction "out" and a channel', { ...OUT, retain: false }],
    ['maxLen: counts for nothing with direction "in" and a stream', { ...IN, maxLen: 1 }],
  ])('are refused: %s', (problem, rule) => {
    expect(problems(rule)).toEqual([`bridge.rules[0].${problem}`]);
  });

  it('are refused where they would answer each other, or have the same name', () => {
    expect(problems(OUT, { ...IN, name: 'out' })).toEqual([
      'bridge.rules[1].name: out is the name of a rule already',
    ]);
    expect(problems(OUT, { ...IN, stream: undefined, channel: 'c' })).toEqual([
      'bridge.rules[1].channel: reads what rule out sends: every message would come back',
    ]);
    expect(problems({ ...IN, stream: 'x-default' }, { ...OUT, channel: undefined, stream: 'x-%t' })).toEqual([
      'bridge.rules[0].stream: reads what rule out sends: every message would come back',
    ]);
    // A channel and a stream of one name are two things.
    expect(problems(OUT, { ...IN, stream: 'c' })).toEqual([]);
  });

  it('say what they are about', () => {
    expect(
      problems({ ...OUT, name: 'a b' }, { ...IN, direction: 'up' }, { ...OUT, tenant: 'a b' }),
    ).toHaveLength(3);
  });
});
