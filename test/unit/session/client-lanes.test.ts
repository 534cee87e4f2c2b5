import { describe, expect, test } from 'vitest';
import { ClientLanes } from '../../../src/session/client-lanes.ts';
import type { ClientId } from '../../../src/tenancy/identity.ts';

const A = 'a' as ClientId;
const B = 'b' as ClientId;

function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

describe('client lanes', () => {
  test('commands of one client run one after the other, those of others meanwhile', async () => {
    const lanes = new ClientLanes();
    const first = gate();
    const order: string[] = [];
    void lanes.run(A, async () => {
      await first.opened;
      order.push('a1');
    });
    const second = lanes.run(A, () => Promise.resolve(order.push('a2')));
    await lanes.run(B, () => Promise.resolve(order.push('b1')));
    expect(order).toEqual(['b1']);
    first.open();
    await second;
    expect(order).toEqual(['b1', 'a1', 'a2']);
  });

  test('a command that fails tells its caller and does not stop the lane', async () => {
    const lanes = new ClientLanes();
    const failed = lanes.run(A, () => Promise.reject(new Error('no')));
    const next = lanes.run(A, () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });

  test('an empty lane costs nothing', async () => {
    const lanes = new ClientLanes();
    const outcome = lanes.run(A, () => Promise.resolve(1));
    expect(lanes.size).toBe(1);
    await outcome;
    await lanes.idle();
    expect(lanes.size).toBe(0);
  });

  test('idle waits for what commands put behind themselves', async () => {
    const lanes = new ClientLanes();
    let done = false;
    void lanes.run(A, async () => {
      await Promise.resolve();
      void lanes.run(A, () => Promise.resolve((done = true)));
    });
    await lanes.idle();
    expect(done).toBe(true);
  });
});
