import { describe, expect, it } from 'vitest';
import { LeaseWatch } from '../../../chaos/judge/lease-watch.ts';

const broker = (port: number) => ({ host: '127.0.0.1', port, tls: false });

function watchOn(clients: Readonly<Record<string, number>>): LeaseWatch {
  const watch = new LeaseWatch();
  for (const [clientId, port] of Object.entries(clients))
    watch.onConnection({ type: 'connected', clientId, connection: 1, address: broker(port) });
  return watch;
}

describe('the watch on brokers taken for dead', () => {
  it('finds one that still sends something to a client of before, once for each connection', () => {
    const watch = watchOn({ one: 1, other: 2 });
    expect(watch.heard('one', 1)).toBeUndefined();
    expect(watch.deposed(broker(1))).toBe(1);
    expect(watch.heard('one', 2)).toMatchObject({ kind: 'servedByTheDead', receiver: 'one', atMs: 2 });
    expect(watch.heard('one', 3)).toBeUndefined();
    expect(watch.heard('other', 3)).toBeUndefined();
  });

  it('finds a connection that is not let go', () => {
    const watch = watchOn({ one: 1, other: 2 });
    watch.deposed(broker(1));
    expect(watch.kept(5)).toMatchObject([{ kind: 'servedByTheDead', receiver: 'one' }]);
    // From then on the broker is one of the living again.
    expect(watch.kept(6)).toEqual([]);
    expect(watch.heard('one', 7)).toBeUndefined();
  });

  it('lets a client be served that has connected anew', () => {
    const watch = watchOn({ one: 1 });
    watch.deposed(broker(1));
    watch.onConnection({ type: 'lost', clientId: 'one', connection: 1, address: broker(1) });
    watch.onConnection({ type: 'connected', clientId: 'one', connection: 2, address: broker(1) });
    expect(watch.heard('one', 3)).toBeUndefined();
    expect(watch.kept(4)).toEqual([]);
  });
});
