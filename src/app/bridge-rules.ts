/** The rules of the bridge as the configuration has them: what of it cannot be, and what the rest comes to. */
import type { BridgeRule } from '../bridge/bridge-rule.ts';
import { holdsTopic, mayBeSame, nameProblem } from '../bridge/channel-name.ts';
import { isTopicFilter, isTopicName, matchesFilter } from '../mqtt/topic.ts';
import type { BridgeConfig, BridgeRuleConfig } from './bridge-schema.ts';
import type { RuleViolation } from './config-rules.ts';
import type { SpokeConfig } from './config-schema.ts';
import { tlsViolations } from './tls-rules.ts';

/** Entries that a stream keeps, about, unless the rule says otherwise. */
const STREAM_LENGTH = 1_000_000;
const GROUP = 'spokemq';
const PUBLISH_QOS = 1;

type Complaint = Pick<RuleViolation, 'what' | 'fix'> & { readonly key: keyof BridgeRuleConfig };

/** Keys that count for one kind of rule only. */
const OF_STREAMS_OUT = ['maxLen'] as const;
const OF_STREAMS_IN = ['group'] as const;
const OF_IN = ['topic', 'qos', 'retain'] as const;

export function bridgeViolations({ bridge }: SpokeConfig): readonly RuleViolation[] {
  const ofRules = bridge.rules.flatMap((rule, index, all) =>
    [...complaints(rule), ...amongOthers(rule, index, all, bridge)].map(({ key, what, fix }) => ({
      path: ['bridge', 'rules', index, key],
      what,
      fix,
    })),
  );
  return [...tlsViolations(['bridge', 'redis', 'tls'], bridge.redis.tls), ...ofRules];
}

/** Of a configuration without violations: names as Redis knows them. */
export function bridgeRulesOf({ redis, rules }: BridgeConfig): readonly BridgeRule[] {
  return rules.map((rule) => {
    const { name, tenant, filter, format, direction } = rule;
    const base = { name, tenant, filter, format };
    const inbound = { topic: rule.topic, qos: rule.qos ?? PUBLISH_QOS, retain: rule.retain ?? false };
    const place = placeOf(rule, redis.prefix);
    if (direction === 'out')
      return rule.stream === undefined
        ? { ...base, kind: 'outChannel', channel: place }
        : { ...base, kind: 'outStream', stream: place, lengthMax: rule.maxLen ?? STREAM_LENGTH };
    return rule.stream === undefined
      ? { ...base, ...inbound, kind: 'inChannel', channel: place }
      : { ...base, ...inbound, kind: 'inStream', stream: place, group: rule.group ?? GROUP };
  });
}

/** The name of the channel or the stream. */
function placeOf({ channel, stream, tenant }: BridgeRuleConfig, prefix = ''): string {
  return prefix + (stream ?? channel ?? '').replaceAll('%t', tenant);
}

function complaints(rule: BridgeRuleConfig): readonly Complaint[] {
  return [...placeComplaints(rule), ...filterComplaints(rule), ...topicComplaints(rule), ...idleKeys(rule)];
}

function placeComplaints({ channel, stream }: BridgeRuleConfig): readonly Complaint[] {
  if (channel !== undefined && stream !== undefined)
    return [{ key: 'stream', what: 'is there beside channel', fix: 'Remove one of them' }];
  if (channel === undefined && stream === undefined)
    return [
      {
        key: 'channel',
        what: 'is missing, and stream too',
        fix: 'Name a channel (at most once) or a stream (at least once)',
      },
    ];
  const problem = nameProblem(stream ?? channel ?? '', stream === undefined);
  const key = stream === undefined ? 'channel' : 'stream';
  return problem === undefined
    ? []
    : [{ key, what: problem, fix: 'Use %t for the tenant, and {topic} once in a channel' }];
}

function filterComplaints({ filter }: BridgeRuleConfig): readonly Complaint[] {
  if (isTopicFilter(filter) && !filter.startsWith('$')) return [];
  return [
    {
      key: 'filter',
      what: `is ${JSON.stringify(filter)}`,
      fix: 'Use a topic filter, not a shared one, of topics that do not begin with $',
    },
  ];
}

function topicComplaints({
  direction,
  topic,
  filter,
  format,
  channel = '',
  stream,
}: BridgeRuleConfig): readonly Complaint[] {
  if (direction === 'out') return [];
  if (topic === undefined) {
    if (format === 'json' || stream !== undefined || holdsTopic(channel)) return [];
    return [
      {
        key: 'topic',
        what: 'is missing: nothing says where raw messages are published',
        fix: 'Name a topic, or put {topic} into the channel',
      },
    ];
  }
  if (holdsTopic(channel))
    return [{ key: 'topic', what: 'is there beside {topic} in the channel', fix: 'Remove one of them' }];
  if (isTopicName(topic) && matchesFilter(filter, topic)) return [];
  return [
    {
      key: 'topic',
      what: `is ${JSON.stringify(topic)}`,
      fix: 'Use a topic that matches the filter of the rule',
    },
  ];
}

function idleKeys(rule: BridgeRuleConfig): readonly Complaint[] {
  const isIn = rule.direction === 'in';
  const isStream = rule.stream !== undefined;
  const idle = [
    ...(isStream && !isIn ? [] : OF_STREAMS_OUT),
    ...(isStream && isIn ? [] : OF_STREAMS_IN),
    ...(isIn ? [] : OF_IN),
  ];
  return idle
    .filter((key) => rule[key] !== undefined)
    .map((key) => ({
      key,
      what: `counts for nothing with direction "${rule.direction}" and a ${isStream ? 'stream' : 'channel'}`,
      fix: 'Remove it',
    }));
}

function amongOthers(
  rule: BridgeRuleConfig,
  index: number,
  all: readonly BridgeRuleConfig[],
  { redis }: BridgeConfig,
): readonly Complaint[] {
  const isSecond = all.findIndex(({ name }) => name === rule.name) < index;
  const name: readonly Complaint[] = isSecond
    ? [{ key: 'name', what: `${rule.name} is the name of a rule already`, fix: 'Use another one' }]
    : [];
  if (rule.direction === 'out') return name;
  const isStream = rule.stream !== undefined;
  const echo = all.find(
    (other) =>
      other.direction === 'out' &&
      (other.stream !== undefined) === isStream &&
      mayBeSame(placeOf(other, redis.prefix), placeOf(rule, redis.prefix)),
  );
  if (echo === undefined) return name;
  return [
    ...name,
    {
      key: isStream ? 'stream' : 'channel',
      what: `reads what rule ${echo.name} sends: every message would come back`,
      fix: 'Use another name for one of them',
    },
  ];
}
