/**
 * A broker that died may have appended to queues and not have told their readers. Whoever is connected here has its queue looked at
 * once, a bounded number at a time; nobody is looked at while nothing has happened.
 */
import { DurableOutbound } from '../durable-outbound.ts';
import type { ActiveSession } from '../active-session.ts';

const LOOKS_AT_ONCE = 64;

/** Resolves when every queue has been looked at, or its store has said that it cannot. */
export async function lookForMissed(sessions: Iterable<ActiveSession>): Promise<void> {
  const outbounds = Array.from(sessions, ({ outbound }) => outbound)
    .filter((outbound) => outbound instanceof DurableOutbound)
    .values();
  const look = async (): Promise<void> => {
    for (const outbound of outbounds) await outbound.lookAgain();
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, look));
}
