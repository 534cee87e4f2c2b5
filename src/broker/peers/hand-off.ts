/**
 * What a broker does before another one may take up a session that it had: the connection is over, and nothing that was begun for it is
 * under way any more. Otherwise a message it was still storing could come to light behind what the new owner has read.
 */
import { queueKey, type Seq } from '../../queue/durable-queue.ts';
import type { ClientId, SessionId } from '../../tenancy/identity.ts';
import type { TenantBroker } from '../tenant-broker.ts';

/** Sessions taken over whose last position is remembered. */
const REMEMBERED = 10_000;

export class HandOffs {
  readonly #broker: TenantBroker;
  /** How far was sent to clients whose sessions were taken over, the latest last. */
  readonly #sent = new Map<SessionId, Seq | undefined>();
  readonly #leaving = new Map<ClientId, (() => void)[]>();

  constructor(broker: TenantBroker) {
    this.#broker = broker;
  }

  /** The session's connection here is over; `sentThrough` undefined: not known. */
  left(clientId: ClientId, sessionId: SessionId, sentThrough: Seq | undefined): void {
    this.#sent.delete(sessionId);
    this.#sent.set(sessionId, sentThrough);
    if (this.#sent.size > REMEMBERED) {
      const [oldest] = this.#sent.keys();
      if (oldest !== undefined) this.#sent.delete(oldest);
    }
    for (const resolve of this.#leaving.get(clientId) ?? []) resolve();
    this.#leaving.delete(clientId);
  }

  /** Resolves with the highest position sent on the last connection to this broker; undefined: not known. */
  async release(clientId: ClientId, sessionId: SessionId): Promise<Seq | undefined> {
    const { tenant, services } = this.#broker;
    // Its record may be on the log before we have read it.
    while (this.#broker.active(clientId)?.sessionId === sessionId) await this.#departure(clientId);
    await this.#broker.releasesEnded(clientId);
    const held = queueKey(tenant, sessionId, 'held');
    const pending = queueKey(tenant, sessionId, 'pending');
    await Promise.all([
      services.batcher.barrier(held),
      services.batcher.barrier(pending),
      services.trims.settled(held),
      services.trims.settled(pending),
    ]);
    return this.#sent.get(sessionId);
  }

  #departure(clientId: ClientId): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#leaving.get(clientId) ?? [];
      waiting.push(resolve);
      this.#leaving.set(clientId, waiting);
    });
  }
}

/** The reply of a hand-off: u64 big endian; nothing when the position is not known. */
export function encodeSentThrough(seq: Seq | undefined): Buffer {
  const reply = Buffer.alloc(seq === undefined ? 0 : 8);
  if (seq !== undefined) reply.writeBigUInt64BE(BigInt(seq));
  return reply;
}

export function decodeSentThrough(reply: Buffer): Seq | undefined {
  return reply.length < 8 ? undefined : (Number(reply.readBigUInt64BE(0)) as Seq);
}
