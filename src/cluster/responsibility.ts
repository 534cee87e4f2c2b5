/**
 * Who of the brokers that are alive does what only one is to do. By their names, not their runs: a broker that is started again takes
 * up what it had. One that gives its clients away gives this away too, unless all of them do.
 */
import type { Member } from './member.ts';
import { rendezvous } from './rendezvous.ts';

/** Every broker that sees the same members names the same one; undefined: there are none. */
export function responsibleBroker(
  key: string,
  members: readonly Pick<Member, 'brokerId' | 'draining'>[],
): string | undefined {
  const staying = members.filter(({ draining }) => !draining);
  const candidates = staying.length === 0 ? members : staying;
  return rendezvous(
    key,
    candidates.map(({ brokerId }) => brokerId),
  );
}
