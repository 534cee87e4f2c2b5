import { describe, expect, it } from 'vitest';
import { RuledPrincipal } from '../../../src/auth/topic-rights.ts';
import { isSafeInFilter } from '../../../src/auth/place-holders.ts';
import { bindRule, parseTopicRule } from '../../../src/auth/topic-rule.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';

function principal(...rules: readonly string[]): RuledPrincipal {
  const bound = rules.map((text) => {
    const rule = parseTopicRule(text);
    if ('problem' in rule) throw new Error(rule.problem);
    return bindRule(rule, { clientId: 'bike-7', clientName: 'seven', tenant: 'acme' });
  });
  return new RuledPrincipal(DEFAULT_TENANT, 'seven', bound);
}

describe('publish rights', () => {
  it('denies what no rule allows', () => {
    expect(principal().mayPublish('a')).toBe(false);
    expect(principal('allow subscribe a').mayPublish('a')).toBe(false);
  });

  it('lets the first rule that matches decide', () => {
    const rights = principal('allow publish a/b', 'deny all a/#', 'allow all #');
    expect(['a/b', 'a/c', 'a', 'b'].map((topic) => rights.mayPublish(topic))).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('fills in place-holders once', () => {
    const rights = principal('allow publish %t/%u/%c/100%%');
    expect(rights.mayPublish('acme/seven/bike-7/100%')).toBe(true);
    expect(rights.mayPublish('acme/seven/bike-8/100%')).toBe(false);
  });

  it('gives the same answer for a topic asked twice, also after another', () => {
    const rights = principal('allow publish a');
    expect(['a', 'a', 'b', 'a', 'b'].map((topic) => rights.mayPublish(topic))).toEqual([
      true,
      true,
      false,
      true,
      false,
    ]);
  });

  it('keeps everybody out of $SYS, but not out of other topics with a dollar', () => {
    const rights = principal('allow all $SYS/#', 'allow all $SYSTEM', 'allow all #');
    expect(['$SYS', '$SYS/x', '$SYSTEM'].map((topic) => rights.mayPublish(topic))).toEqual([
      false,
      false,
      true,
    ]);
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
    expect(answers.map((filter) => rights.maySubscribe(filter))).toEqual([
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
    expect(answers.map((filter) => rights.maySubscribe(filter))).toEqual([false, false, false, true, true]);
  });

  it('judges a shared subscription by its filter', () => {
    const rights = principal('allow subscribe a/#');
    expect(rights.maySubscribe('$share/g/a/b')).toBe(true);
    expect(rights.maySubscribe('$share/g/b')).toBe(false);
  });

  it('does not take # for $SYS', () => {
    expect(principal('allow all #').maySubscribe('$SYS/#')).toBe(false);
    expect(principal('allow subscribe $SYS/#').maySubscribe('$SYS/broker/uptime')).toBe(true);
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
  ])('refuses %s', (text, problem) => {
    expect(parseTopicRule(text)).toEqual({ problem: expect.stringContaining(problem) as unknown });
  });

  it.each(['+', '#', 'a/b', '', '$SYS', 'a+'])('finds the name %j unsafe for a place-holder', (name) => {
    expect(isSafeInFilter(name)).toBe(false);
  });
});
