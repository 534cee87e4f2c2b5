import { describe, expect, it } from 'vitest';
import { AddressBook } from '../../../chaos/traffic/address-book.ts';

const address = (port: number) => ({ host: '127.0.0.1', port, tls: false });
const BROKERS = [1, 2, 3].map(address);

describe('addresses', () => {
  it('lead to one broker after the other, and to the first one when all begin anew', () => {
    const book = new AddressBook(address(9), BROKERS);
    const next = book.oneByOne(1);
    expect([next(), next(), next(), next()].map(({ port }) => port)).toEqual([2, 3, 1, 2]);
    book.beginAnew();
    expect([next(), next()].map(({ port }) => port)).toEqual([2, 3]);
  });

  it('lead through the proxy in front, if there is one', () => {
    expect(new AddressBook(address(9), BROKERS).throughFront(2)().port).toBe(9);
    expect(new AddressBook(undefined, BROKERS).throughFront(2)().port).toBe(3);
  });
});
