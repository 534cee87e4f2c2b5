/**
 * Brokers that the others have taken for dead. Their clients may have gone to somebody else, so on a connection from before such a broker
 * must neither acknowledge nor deliver anything any more, and it must let go of the connection.
 */
import type { ConnectionEvent } from '../../src/fleet/fleet-client.ts';
import type { BrokerAddress } from '../../src/fleet/radio-link.ts';
import type { Violation } from './violation.ts';

interface Standing {
  readonly connection: number;
  readonly broker: string;
  state: 'served' | 'deposed' | 'reported';
}

export class LeaseWatch {
  /** By client. */
  readonly #standing = new Map<string, Standing>();

  onConnection({ type, clientId, connection, address }: ConnectionEvent): void {
    if (type === 'connected')
      this.#standing.set(clientId, { connection, broker: keyOf(address), state: 'served' });
    if (type === 'lost') this.#standing.delete(clientId);
  }

  /** From now on others may act for the broker that clients reach there. Returns how many connections stand. */
  deposed(address: BrokerAddress): number {
    const broker = keyOf(address);
    const theirs = [...this.#standing.values()].filter((each) => each.broker === broker);
    for (const each of theirs) each.state = 'deposed';
    return theirs.length;
  }

  /** The client has been sent a message or an acknowledgement. One violation for each connection. */
  heard(client: string, nowMs: number): Violation | undefined {
    const standing = this.#standing.get(client);
    if (standing?.state !== 'deposed') return undefined;
    standing.state = 'reported';
    return violationOf(client, standing, 'it was sent something', nowMs);
  }

  /** Connections that a broker still holds which had been taken for dead; they count as its own again. */
  kept(nowMs: number): readonly Violation[] {
    const violations: Violation[] = [];
    for (const [client, standing] of this.#standing) {
      if (standing.state === 'deposed')
        violations.push(violationOf(client, standing, 'it still stands', nowMs));
      standing.state = 'served';
    }
    return violations;
  }
}

function violationOf(
  client: string,
  { connection, broker }: Standing,
  what: string,
  atMs: number,
): Violation {
  return {
    kind: 'servedByTheDead',
    atMs,
    topic: '',
    receiver: client,
    detail: `connection ${connection} to ${broker}: ${what}`,
  };
}

function keyOf({ host, port }: BrokerAddress): string {
  return `${host}:${port}`;
}
