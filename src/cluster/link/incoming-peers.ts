/** Who may send frames to this broker, and who has: the answer to each hello. */
import { brokerIdOf, startNumberOf, type Incarnation } from '../../tenancy/identity.ts';
import type { FrameHandler } from '../peer-links.ts';
import type { Hello, RefusalCode } from '../wire/peer-message.ts';
import { agreedVersion } from '../wire/protocol-version.ts';
import { IncomingPeer } from './incoming-peer.ts';
import type { LinkSettings } from './link-settings.ts';

/** Refused callers whose last reason is kept, so that it is told once and not with each attempt. */
const REFUSED_KEPT_MAX = 1024;

interface Refusal {
  readonly code: RefusalCode;
  readonly reason: string;
}

export type Admission =
  | { readonly type: 'admitted'; readonly version: number; readonly peer: IncomingPeer }
  /** `isNews`: people were not told yet and should be. */
  | (Refusal & { readonly type: 'refused'; readonly isNews: boolean });

export class IncomingPeers {
  readonly #settings: LinkSettings;
  readonly #peers = new Map<Incarnation, IncomingPeer>();
  /** Per broker the highest start number that is down: what it sent is not remembered, so it is not let in again. */
  readonly #forgotten = new Map<string, number>();
  /** Why a caller was refused last. */
  readonly #refused = new Map<Incarnation, string>();
  #handler: FrameHandler | undefined;

  constructor(settings: LinkSettings) {
    this.#settings = settings;
  }

  receive(handler: FrameHandler): void {
    if (this.#handler !== undefined) throw new Error('peer links: frames are taken already');
    this.#handler = handler;
  }

  admit(hello: Hello): Admission {
    const refusal = this.#refusal(hello);
    if (refusal !== undefined)
      return { type: 'refused', ...refusal, isNews: this.#isNews(hello.from, refusal) };
    const version = agreedVersion(this.#settings.protocol, hello.protocol);
    if (version === undefined || this.#handler === undefined)
      throw new Error('peer links: refused, but admitted');
    this.#refused.delete(hello.from);
    return { type: 'admitted', version, peer: this.#peerOf(hello.from, this.#handler) };
  }

  forget(incarnation: Incarnation): void {
    const broker = brokerIdOf(incarnation);
    const start = startNumberOf(incarnation);
    this.#forgotten.set(broker, Math.max(start, this.#forgotten.get(broker) ?? start));
    this.#peers.get(incarnation)?.forget();
    this.#peers.delete(incarnation);
  }

  close(): void {
    for (const peer of this.#peers.values()) peer.forget();
    this.#peers.clear();
    this.#handler = undefined;
  }

  #refusal({ protocol, cluster, from, to }: Hello): Refusal | undefined {
    const { self, ...own } = this.#settings;
    if (cluster !== own.cluster) {
      return { code: 'cluster', reason: `this is a broker of the cluster ${own.cluster}, not of ${cluster}` };
    }
    if (to !== self) return { code: 'incarnation', reason: `this is ${self}, not ${to}` };
    if (agreedVersion(own.protocol, protocol) === undefined) {
      const spoken = `versions ${own.protocol.min} to ${own.protocol.max} are spoken here`;
      return { code: 'version', reason: `${spoken}, not ${protocol.min} to ${protocol.max}` };
    }
    if (startNumberOf(from) <= (this.#forgotten.get(brokerIdOf(from)) ?? -1)) {
      return { code: 'forgotten', reason: `${from} is down` };
    }
    return this.#handler === undefined ? { code: 'notReady', reason: `${self} is not ready yet` } : undefined;
  }

  #isNews(from: Incarnation, { code, reason }: Refusal): boolean {
    if (code === 'notReady' || this.#refused.get(from) === reason) return false;
    if (this.#refused.size >= REFUSED_KEPT_MAX) this.#refused.clear();
    this.#refused.set(from, reason);
    return true;
  }

  #peerOf(from: Incarnation, handler: FrameHandler): IncomingPeer {
    let peer = this.#peers.get(from);
    if (peer === undefined) {
      peer = new IncomingPeer(from, this.#settings, handler);
      this.#peers.set(from, peer);
    }
    return peer;
  }
}
