import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseUsersFile } from '../../../src/adapters/file/users-file.ts';
import { RuledPrincipal } from '../../../src/auth/topic-rights.ts';
import { isSafeInFilter } from '../../../src/auth/place-holders.ts';
import { bindRule, formatTopicRule, parseTopicRule } from '../../../src/auth/topic-rule.ts';
import type { QoS } from '../../../src/mqtt/qos.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';

function principal(...rules: readonly string[]): RuledPrincipal {
  const bound = rules.map((text) => {
    const rule = parseTopicRule(text);
    if ('problem' in rule) throw new Error(rule.problem);
    return bindRule(rule, { clientId: 'bike-7', clientName: 'seven', tenant: 'acme' });
  });
  return new RuledPrincipal({ tenant: DEFAULT_TENANT, clientName: 'seven' }, bound);
}

describe('publish rights', () => {
  it('denies what no rule allows', () => {
    expect(principal().mayPublish('a', 0, false)).toBe(false);
    expect(principal('allow subscribe a').mayPublish('a', 0, false)).toBe(false);
  });

  it('lets the first rule that matches decide', () => {
    const rights = principal('allow publish a/b', 'deny all a/#', 'allow all #');
    expect(['a/b', 'a/c', 'a', 'b'].map((topic) => rights.mayPublish(topic, 0, false))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('fills in place-holders once', () => {
    const rights = principal('allow publish %t/%u/%c/100%%');
    expect(rights.mayPublish('acme/seven/bike-7/100%', 0, false)).toBe(true);
    expect(rights.mayPublish('acme/seven/bike-8/100%', 0, false)).toBe(false);
  });

  it('gives the same answer for a topic asked twice, also after another', () => {
    const rights = principal('allow publish a');
    expect(['a', 'a', 'b', 'a', 'b'].map((topic) => rights.mayPublish(topic, 0, false))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  it('keeps everybody out of $SYS, but not out of other topics with a dollar', () => {
    const rights = principal('allow all $SYS/#', 'allow all $SYSTEM', 'allow all #');
    expect(['$SYS', '$SYS/x', '$SYSTEM'].map((topic) => rights.mayPublish(topic, 0, false))).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe('conditions of a rule', () => {
  it('limit the QoS of what is published and subscribed', () => {
    const rights = principal('allow all(qos<=1) a/#', 'allow publish(qos>=2) b');
    expect([0, 1, 2].map((qos) => rights.mayPublish('a/b', qos as QoS, false))).toEqual([true, true, false]);
    expect([0, 1, 2].map((qos) => rights.maySubscribe('a/+', qos as QoS))).toEqual([true, true, false]);
    expect([0, 1, 2].map((qos) => rights.mayPublish('b', qos as QoS, false))).toEqual([false, false, true]);
  });

  it('allow or forbid to retain', () => {
    const rights = principal(
      'deny publish(retain) live/#',
      'allow all(no-retain) #',
      'allow publish(retain) state/#',
    );
    const answers = (topic: string) => [false, true].map((retain) => rights.mayPublish(topic, 1, retain));
    expect(answers('live/a')).toEqual([true, false]);
    expect(answers('state/a')).toEqual([true, true]);
    expect(answers('other')).toEqual([true, false]);
    expect(rights.maySubscribe('#', 2)).toBe(true);
  });

  it('make a rule that does not apply no rule at all: the next one decides', () => {
    const rights = principal('allow subscribe(qos<=0) a', 'deny subscribe a', 'allow subscribe #');
    expect([0, 1].map((qos) => rights.maySubscribe('a', qos as QoS))).toEqual([true, false]);
    expect(rights.maySubscribe('#', 1)).toBe(false);
  });

  it('are not mixed up between packets to one topic', () => {
    const rights = principal('allow publish(qos<=0 no-retain) a');
    const asked = [0, 1, 0, 0].map((qos, index) => rights.mayPublish('a', qos as QoS, index === 3));
    expect(asked).toEqual([true, false, true, false]);
  });

  it.each([
    'allow publish(qos<=1) a b',
    'deny all(qos>=1 qos<=1 no-retain) $SYS/#',
    'allow publish(retain) %c/#',
    'deny subscribe +/x',
  ])('are read and written: %s', (text) => {
    const rule = parseTopicRule(text);
    if ('problem' in rule) throw new Error(rule.problem);
    expect(formatTopicRule(rule)).toBe(text);
  });
});

describe('a decision', () => {
  it('is made from memory within the turn of its packet: a hundred thousand, and no promise', () => {
    const rights = principal(
      ...Array.from({ length: 20 }, (_, index) => `deny publish closed/${index}/#`),
      'allow all devices/%c/#',
    );
    let others = 0;
    setImmediate(() => others++);
    for (let packet = 0; packet < 100_000; packet++) {
      const answer: unknown = rights.mayPublish(`devices/bike-7/${packet}`, 1, false);
      if (answer !== true) throw new Error(`answered ${String(answer)}`);
    }
    expect(others).toBe(0);
  });
});

describe('the example that is shipped', () => {
  it('lets a device use its own topics only, with one line', () => {
    const users = parseUsersFile(
      '',
      readFileSync(new URL('../../../examples/users/devices.yaml', import.meta.url), 'utf8'),
      DEFAULT_TENANT,
    );
    const bike = users.find({ tenant: DEFAULT_TENANT, clientName: 'bike-7' });
    expect(bike?.rules.map(formatTopicRule)).toEqual(['allow all devices/%c/#']);
    const rights = principal(...(bike?.rules ?? []).map(formatTopicRule));
    expect(rights.mayPublish('devices/bike-7/gps', 1, true)).toBe(true);
    expect(rights.maySubscribe('devices/bike-7/#', 2)).toBe(true);
    expect(rights.mayPublish('devices/bike-8/gps', 1, false)).toBe(false);
    for (const filter of ['#', 'devices/#', 'devices/+/gps', '+/bike-7/#', '$share/g/devices/+'])
      expect(rights.maySubscribe(filter, 0), filter).toBe(false);
  });
});

describe('subscribe rights', () => {
  it('refuses a wildcard that reaches beyond what is allowed', () => {
    const rights = principal('allow subscribe devices/%c/#');
    const answers = [
      'devices/bike-7/#',
      'devices/bike-7',
      'devices/+/x',
      '#',
      '+/bike-7/#',
      'devices/bike-8/x',
    ];
    expect(answers.map((filter) => rights.maySubscribe(filter, 0))).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it('refuses a wildcard that reaches into what is denied', () => {
    const rights = principal('deny subscribe secret/#', 'allow subscribe #');
    const answers = ['#', '+/x', 'secret/+', 'public/#', 'public'];
    expect(answers.map((filter) => rights.maySubscribe(filter, 0))).toEqual([
      false,
      false,
      false,
      true,
      true,
    ]);
  });

  it('judges a shared subscription by its filter', () => {
    const rights = principal('allow subscribe a/#');
    expect(rights.maySubscribe('$share/g/a/b', 0)).toBe(true);
    expect(rights.maySubscribe('$share/g/b', 0)).toBe(false);
  });

  it('does not take # for $SYS', () => {
    expect(principal('allow all #').maySubscribe('$SYS/#', 0)).toBe(false);
    expect(principal('allow subscribe $SYS/#').maySubscribe('$SYS/broker/uptime', 0)).toBe(true);
  });
});

describe('rule text', () => {
  it.each([
    ['permit all #', 'is not of the form'],
    ['allow all', 'is not of the form'],
    ['allow all a/#/b', 'not a topic filter'],
    ['allow all a%x', 'unknown place-holder "%x"'],
    ['allow all a%', 'unknown place-holder "%"'],
    ['allow all $share/g/a', 'shared subscription'],
    ['allow all() a', 'has the conditions'],
    ['allow all(qos<=3) a', 'has the conditions'],
    ['allow all(qos<=1 qos<=0) a', 'has the conditions'],
    ['allow all(retain no-retain) a', 'has the conditions'],
    ['allow subscribe(no-retain) a', 'retain, which subscriptions do not have'],
  ])('refuses %s', (text, problem) => {
    expect(parseTopicRule(text)).toEqual({ problem: expect.stringContaining(problem) as unknown });
  });

  it.each(['+', '#', 'a/b', '', '$SYS', 'a+'])('finds the name %j unsafe for a place-holder', (name) => {
    expect(isSafeInFilter(name)).toBe(false);
  });
});
