/** Everything that is known of each broken promise, for whoever has to find out why: the file beside a report that says FAIL. */
import { faultText } from '../faults/planned-fault.ts';
import type { MessageEvent } from '../judge/message-history.ts';
import type { Violation } from '../judge/violation.ts';
import type { ConnectionEntry } from '../observation/connection-log.ts';
import type { ProofResult } from '../proof.ts';

interface Evidence {
  /** Times are seconds since the traffic began. */
  readonly atS: number;
  readonly violation: Omit<Violation, 'atMs'>;
  /** The faults that were under way, or had not been recovered from, between publishing and breaking. */
  readonly faults: readonly string[];
  readonly message: readonly unknown[];
  readonly connections: Readonly<Record<string, readonly unknown[]>>;
}

const EXAMPLES_MAX = 200;
/** Of connections, around what happened to the message. */
const MARGIN_MS = 15_000;
const MARGIN_EVENTS_MAX = 60;

export function evidenceOf(result: ProofResult): readonly Evidence[] {
  return result.violations.slice(0, EXAMPLES_MAX).map((violation) => one(result, violation));
}

function one(result: ProofResult, violation: Violation): Evidence {
  const { judge, connections, startMs, faults } = result;
  const { atMs, ...rest } = violation;
  const seconds = (ms: number) => Number(((ms - startMs) / 1000).toFixed(3));
  const { topic, qos, seq, publisher, receiver } = violation;
  const message = qos === undefined || seq === undefined ? [] : judge.history.of(topic, qos, seq);
  const fromMs = Math.min(atMs, ...message.map((event) => event.atMs)) - MARGIN_MS;
  const throughMs =
    Math.max(...message.map((event) => event.atMs), message.length === 0 ? atMs : 0) + MARGIN_MS;
  const clients = new Set([publisher, receiver, ...message.map(receivingClient)]);
  const timed = <Event extends MessageEvent | ConnectionEntry>({ atMs: eventMs, ...event }: Event) => ({
    atS: seconds(eventMs),
    ...event,
  });
  return {
    atS: seconds(atMs),
    violation: rest,
    faults: faults
      .filter(({ struckAtMs, recoveredAtMs }) => {
        return startMs + struckAtMs <= throughMs && startMs + recoveredAtMs >= fromMs;
      })
      .map(({ fault, struckAtMs, healedAtMs, recoveredAtMs }) => {
        const [struckS, healedS, recoveredS] = [struckAtMs, healedAtMs, recoveredAtMs].map((ms) =>
          (ms / 1000).toFixed(1),
        );
        return `${faultText(fault)} (struck at ${struckS}, undone at ${healedS}, recovered at ${recoveredS})`;
      }),
    message: message.map(timed),
    connections: Object.fromEntries(
      [...clients]
        .filter((client) => client !== undefined)
        .map((client) => [
          client,
          connections.of(client, fromMs, throughMs).slice(-MARGIN_EVENTS_MAX).map(timed),
        ]),
    ),
  };
}

function receivingClient(event: MessageEvent): string | undefined {
  return event.type === 'delivered' ? event.client : undefined;
}
