/** What a proof has shown, in words: the promises that were broken, and what else went wrong. */
import type { Violation, ViolationKind } from '../judge/violation.ts';

interface Outcome {
  readonly violations: readonly Violation[];
  readonly failures: readonly string[];
}

const WORDS: Readonly<Record<ViolationKind, string>> = {
  lost: 'acknowledged and lost',
  duplicated: 'delivered twice at QoS 2',
  reordered: 'delivered out of order',
  phantom: 'delivered and never published',
  wrongQos: 'delivered with another QoS than granted',
  sessionForgotten: 'persistent sessions forgotten',
  willLost: 'wills not published',
  willDuplicated: 'wills published twice',
  willPremature: 'wills of connections that still stand',
  servedByTheDead: 'connections served by a broker that had been taken for dead',
  retainedStale: 'retained messages not the same on every broker',
};

/** Empty: every promise was kept. */
export function brokenPromises({ violations, failures }: Outcome): readonly string[] {
  const counts = new Map<ViolationKind, number>();
  for (const { kind } of violations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const broken = Array.from(counts, ([kind, count]) => `${count} ${WORDS[kind]}`);
  return [...broken, ...failures];
}

export function verdict(outcome: Outcome): string {
  const broken = brokenPromises(outcome);
  return broken.length === 0
    ? 'PASS: nothing acknowledged was lost, doubled at QoS 2, or reordered.'
    : `FAIL: ${broken.join('; ')}.`;
}

/** How many of one kind. */
export function countOf({ violations }: Outcome, kind: ViolationKind): number {
  return violations.filter((violation) => violation.kind === kind).length;
}
