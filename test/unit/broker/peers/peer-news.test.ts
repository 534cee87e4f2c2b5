/** However long a peer is away, and whatever clients do meanwhile, no more waits for it than it has to know. */
import { beforeEach, describe, expect, test } from 'vitest';
import { PeerNews } from '../../../../src/broker/peers/peer-news.ts';
import type { PeerFrame } from '../../../../src/cluster/peer-frame.ts';
import type { FrameOutcome, PeerLink } from '../../../../src/cluster/peer-links.ts';
import type { Offset } from '../../../../src/event-log/event-log.ts';
import { incarnation } from '../../../../src/tenancy/identity.ts';
import { member, TENANT } from '../../../support/peer-members.ts';

const HANDLED: FrameOutcome = { type: 'handled', reply: Buffer.alloc(0) };

let sent: { readonly frame: PeerFrame; readonly handled: () => void }[];
let done: string[];
let news: PeerNews;

beforeEach(() => {
  sent = [];
  done = [];
  const link: PeerLink = {
    peer: member(incarnation('there', 1), { host: '127.0.0.1', port: 1 }),
    version: 2,
    isUp: true,
    unhandledBytes: 0,
    frameBytesMax: 1_048_576,
    send: (frame, outcome) => {
      sent.push({ frame, handled: () => outcome?.(HANDLED) });
    },
    close: () => undefined,
  };
  news = new PeerNews(link, () => undefined);
});

function interest(filter: string, isAdded: boolean): void {
  const place = { filter, group: undefined };
  news.interest(TENANT, place, isAdded, () => done.push(`${isAdded ? '+' : '-'}${filter}`));
}

function wait(name: string, ...offsets: readonly number[]): () => void {
  const positions = offsets.map((offset, partition) => ({ partition, offset: offset as Offset }));
  return news.applied('session', positions, () => done.push(name));
}

function places(index: number): { readonly added: string[]; readonly removed: string[] } {
  const frame = sent[index]?.frame;
  if (frame?.type !== 'interest') throw new Error(`no interest but ${frame?.type}`);
  const filtersOf = (of: typeof frame.added): string[] => of.map(({ filter }) => filter);
  return { added: filtersOf(frame.added), removed: filtersOf(frame.removed) };
}

describe('filters', () => {
  test('that come and go while the peer is away leave nothing behind', () => {
    for (let round = 0; round < 1_000; round++) {
      interest(`visit/${round}`, true);
      interest(`visit/${round}`, false);
    }
    expect(news.size).toBe(0);
    expect(done).toHaveLength(2_000);
    news.flush();
    expect(sent).toEqual([]);
  });

  test('the peer knows of are taken back, and the latest counts', () => {
    interest('known', false);
    interest('back', false);
    interest('back', true);
    interest('new', true);
    for (let round = 0; round < 100; round++) {
      interest('restless', true);
      interest('restless', false);
    }
    expect(news.size).toBe(3);
    news.flush();
    expect(places(0)).toEqual({ added: ['back', 'new'], removed: ['known'] });
  });

  test('are waited for until the peer goes by them, or is down', () => {
    interest('a', true);
    news.flush();
    interest('b', true);
    expect(done).toEqual([]);
    sent[0]?.handled();
    expect(done).toEqual(['+a']);
    news.close();
    expect(done).toEqual(['+a', '+b']);
  });
});

describe('positions', () => {
  test('are asked for one question at a time, and who comes meanwhile shares the next', () => {
    wait('first', 5, 1);
    news.flush();
    wait('second', 7, 0);
    wait('third', 6, 3);
    news.flush();
    expect(sent).toHaveLength(1);
    sent[0]?.handled();
    news.flush();
    expect(done).toEqual(['first']);
    expect(sent[1]?.frame).toEqual({
      type: 'awaitApplied',
      positions: [
        { partition: 0, offset: 7 },
        { partition: 1, offset: 3 },
      ],
    });
    sent[1]?.handled();
    expect(done).toEqual(['first', 'second', 'third']);
  });

  test('nobody waits for any more are not asked for', () => {
    wait('gone', 5)();
    news.flush();
    expect(sent).toEqual([]);
  });
});
