/**
 * Several sequences read at once and given out as one: whoever has something next. While one of them is being worked on the others go on
 * fetching, each by one item at most.
 */

/** Reads `atOnce` of the sequences at a time, and opens the next when one ends. Stopping early closes those that are open. */
export async function* sideBySide<T>(
  sequences: readonly (() => AsyncGenerator<T>)[],
  atOnce: number,
): AsyncGenerator<T> {
  const unopened = sequences.values();
  const open = new Map<AsyncGenerator<T>, Promise<Arrival<T>>>();
  const advance = (sequence: AsyncGenerator<T>): void => {
    const arrival = sequence.next().then((result) => ({ sequence, result }));
    // Seen when its turn comes, which may be after it failed.
    arrival.catch(() => undefined);
    open.set(sequence, arrival);
  };
  const openNext = (): void => {
    const next = unopened.next();
    if (next.done !== true) advance(next.value());
  };
  try {
    for (let opened = 0; opened < atOnce; opened++) openNext();
    while (open.size > 0) {
      const { sequence, result } = await Promise.race(open.values());
      open.delete(sequence);
      if (result.done === true) {
        openNext();
      } else {
        advance(sequence);
        yield result.value;
      }
    }
  } finally {
    await Promise.allSettled(
      [...open].flatMap(([sequence, arrival]) => [arrival, sequence.return(undefined)]),
    );
  }
}

interface Arrival<T> {
  readonly sequence: AsyncGenerator<T>;
  readonly result: IteratorResult<T, unknown>;
}
