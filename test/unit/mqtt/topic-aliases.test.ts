import { describe, expect, it } from 'vitest';
import { REASON } from '../../../src/mqtt/reason-code.ts';
import { InboundAliases, OutboundAliases } from '../../../src/mqtt/topic-aliases.ts';

describe('InboundAliases', () => {
  it('remembers, replaces and resolves', () => {
    const aliases = new InboundAliases(2);
    expect(aliases.resolve(2, 'a')).toBe('a');
    expect(aliases.resolve(2, '')).toBe('a');
    expect(aliases.resolve(2, 'b')).toBe('b');
    expect(aliases.resolve(2, '')).toBe('b');
  });

  it('refuses an alias above the maximum, or without a topic', () => {
    expect(() => new InboundAliases(2).resolve(3, 'a')).toThrow(
      expect.objectContaining({ reasonCode: REASON.topicAliasInvalid }),
    );
    expect(() => new InboundAliases(0).resolve(1, 'a')).toThrow(
      expect.objectContaining({ reasonCode: REASON.topicAliasInvalid }),
    );
    expect(() => new InboundAliases(2).resolve(1, '')).toThrow(
      expect.objectContaining({ reasonCode: REASON.protocolError }),
    );
  });
});

describe('OutboundAliases', () => {
  it('gives the first topics aliases from 1 on and then none', () => {
    const aliases = new OutboundAliases(2);
    for (const topic of ['a', 'b', 'c', 'a']) aliases.assign(topic);
    expect(['a', 'b', 'c'].map((topic) => aliases.find(topic))).toEqual([1, 2, 0]);
    expect(aliases.free).toBe(0);
  });

  it('gives none to a client that takes none', () => {
    const aliases = new OutboundAliases(0);
    aliases.assign('a');
    expect([aliases.free, aliases.find('a')]).toEqual([0, 0]);
  });
});
