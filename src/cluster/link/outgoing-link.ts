/** The link to one peer: its frames, and one connection after another until it is closed. */
import type { TimerHandle } from '../../time/clock.ts';
import type { Member } from '../member.ts';
import type { PeerFrame } from '../peer-frame.ts';
import type { LinkListener, PeerLink } from '../peer-links.ts';
import { agreedVersion } from '../wire/protocol-version.ts';
import type { LinkSettings } from './link-settings.ts';
import { OutgoingConnection } from './outgoing-connection.ts';
import { SentFrames, type Done } from './sent-frames.ts';

export class OutgoingLink implements PeerLink {
  readonly peer: Member;
  readonly #settings: LinkSettings;
  readonly #listener: LinkListener;
  readonly #onClosed: () => void;
  readonly #frames: SentFrames;
  /** What both speak, by what the peer told when it joined; without a common version it will refuse. */
  readonly version: number;
  #connection: OutgoingConnection | undefined;
  #isUp = false;
  #isClosed = false;
  #wasUp = false;
  /** Connections that ended since one lasted. */
  #failures = 0;
  /** Of dialling again, or of a connection that has lasted. */
  #timer: TimerHandle | undefined;
  #reported: string | undefined;

  constructor(settings: LinkSettings, peer: Member, listener: LinkListener, onClosed: () => void) {
    this.peer = peer;
    this.#settings = settings;
    this.#listener = listener;
    this.#onClosed = onClosed;
    this.#frames = new SentFrames(settings.limits.frameBytesMax);
    this.version = agreedVersion(settings.protocol, peer.protocol) ?? settings.protocol.max;
    this.#dial();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get unhandledBytes(): number {
    return this.#frames.bytes;
  }

  get frameBytesMax(): number {
    return this.#frames.frameBytesMax;
  }

  send(frame: PeerFrame, done?: Done): void {
    if (this.#isClosed) {
      if (done === undefined) return;
      this.#settings.timers.endOfTurn(() => {
        done({ type: 'gone' });
      });
      return;
    }
    this.#frames.add(frame, this.version, done);
    this.#connection?.flushLater();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#connection?.destroy();
    this.#connection = undefined;
    this.#setUp(false);
    this.#onClosed();
    this.#frames.abandon();
  }

  #dial(): void {
    this.#connection = new OutgoingConnection(this.#settings, this.peer, this.version, this.#frames, {
      onUp: () => {
        this.#cameUp();
      },
      onEnded: (problem) => {
        this.#ended(problem);
      },
    });
  }

  #cameUp(): void {
    const { stats, timers, limits } = this.#settings;
    if (this.#wasUp) stats.reconnects++;
    this.#wasUp = true;
    this.#reported = undefined;
    this.#timer = timers.after(limits.redialMaxMs, () => {
      this.#failures = 0;
    });
    this.#setUp(true);
    this.#listener.onState(this);
  }

  #ended(problem: string | undefined): void {
    this.#connection = undefined;
    this.#timer?.cancel();
    this.#timer = this.#settings.timers.after(this.#redialDelayMs(), () => {
      this.#dial();
    });
    this.#failures++;
    this.#report(problem);
    if (!this.#isUp) return;
    this.#setUp(false);
    this.#listener.onState(this);
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#settings.stats.linksUp += isUp ? 1 : -1;
  }

  /** Between half and the whole of a wait that doubles, so that peers of one that comes back do not dial it all at once. */
  #redialDelayMs(): number {
    const { limits, random } = this.#settings;
    const wholeMs = Math.min(limits.redialMaxMs, limits.redialFirstMs * 2 ** Math.min(this.#failures, 30));
    return wholeMs / 2 + (random() * wholeMs) / 2;
  }

  #report(problem: string | undefined): void {
    if (problem === undefined || problem === this.#reported) return;
    this.#reported = problem;
    this.#settings.report(this.peer.incarnation, problem);
  }
}
