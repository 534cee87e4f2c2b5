/**
 * One connection of a link, from dialling to its end: greets, writes frames as the network takes them, and settles what the peer
 * confirms. A connection that ended stays so; the link dials another.
 */
import type { TimerHandle } from '../../time/clock.ts';
import type { Member } from '../member.ts';
import { MessageSplitter } from '../wire/message-splitter.ts';
import { PeerFormatError } from '../wire/peer-format-error.ts';
import { decodePeerMessage, encodePeerMessage } from '../wire/peer-message-codec.ts';
import type { PeerMessage, Welcome } from '../wire/peer-message.ts';
import type { LinkSettings } from './link-settings.ts';
import { Liveness } from './liveness.ts';
import type { PeerStream, PeerStreamListener } from './peer-transport.ts';
import type { SentFrames } from './sent-frames.ts';

const PING = encodePeerMessage({ type: 'ping' });

export interface OutgoingConnectionListener {
  onUp(): void;
  /** `problem`: for people; undefined: nothing they need to hear of. */
  onEnded(problem: string | undefined): void;
}

export class OutgoingConnection implements PeerStreamListener {
  isUp = false;
  readonly #settings: LinkSettings;
  readonly #peer: Member;
  /** Whose layout the frames have. */
  readonly #version: number;
  readonly #frames: SentFrames;
  readonly #listener: OutgoingConnectionListener;
  readonly #splitter: MessageSplitter;
  readonly #stream: PeerStream;
  readonly #deadline: TimerHandle;
  #liveness: Liveness | undefined;
  #isEnded = false;
  #isFlushDue = false;

  constructor(
    settings: LinkSettings,
    peer: Member,
    version: number,
    frames: SentFrames,
    listener: OutgoingConnectionListener,
  ) {
    this.#settings = settings;
    this.#peer = peer;
    this.#version = version;
    this.#frames = frames;
    this.#listener = listener;
    this.#splitter = new MessageSplitter(settings.limits.frameBytesMax);
    const { connectTimeoutMs } = settings.limits;
    this.#deadline = settings.timers.after(connectTimeoutMs, () => {
      this.#end(`no welcome within ${connectTimeoutMs} ms`);
    });
    this.#stream = settings.transport.dial(peer.peerAddress, this);
  }

  onOpen(): void {
    if (this.#isEnded) return;
    const { protocol, cluster, self } = this.#settings;
    this.#write([
      encodePeerMessage({ type: 'hello', protocol, cluster, from: self, to: this.#peer.incarnation }),
    ]);
  }

  onBytes(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#settings.stats.bytesIn += chunk.length;
    this.#liveness?.received();
    try {
      this.#splitter.push(chunk, this.#onMessage);
    } catch (error) {
      if (!(error instanceof PeerFormatError)) throw error;
      this.#cutForNonsense(error.message);
    }
  }

  onDrained(): void {
    this.#flush();
  }

  onClosed(why: string): void {
    this.#end(why, false);
  }

  /** What was added to the frames leaves at the end of the turn, in one write. */
  flushLater(): void {
    if (this.#isFlushDue || !this.isUp) return;
    this.#isFlushDue = true;
    this.#settings.timers.endOfTurn(this.#flushAtEndOfTurn);
  }

  /** Tells the listener nothing. */
  destroy(): void {
    if (this.#isEnded) return;
    this.#stop();
    this.#stream.destroy();
  }

  readonly #flushAtEndOfTurn = (): void => {
    this.#isFlushDue = false;
    this.#flush();
  };

  readonly #onMessage = (body: Buffer): boolean => {
    const message = decodePeerMessage(body);
    if (this.isUp) this.#whileUp(message);
    else this.#answered(message);
    return !this.#isEnded;
  };

  #answered(message: PeerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#welcomed(message);
        return;
      case 'refused':
        this.#end(message.code === 'notReady' ? undefined : `refused: ${message.reason}`);
        return;
      default:
        throw new PeerFormatError(`${message.type} instead of an answer to hello`);
    }
  }

  #welcomed({ version, resumeAfter }: Welcome): void {
    if (version !== this.#version) {
      throw new PeerFormatError(`version ${version} chosen where ${this.#version} was announced`);
    }
    if (!this.#frames.resume(resumeAfter)) {
      throw new PeerFormatError(`frame ${resumeAfter} received, which was not sent`);
    }
    this.#deadline.cancel();
    this.isUp = true;
    this.#liveness = new Liveness(this.#settings.timers, this.#settings.limits, {
      onIdle: () => {
        this.#write([PING]);
      },
      onSilent: () => {
        this.#settings.stats.silent++;
        this.#end(`nothing came for ${this.#settings.limits.silentMs} ms`);
      },
    });
    this.#listener.onUp();
    this.flushLater();
  }

  #whileUp(message: PeerMessage): void {
    switch (message.type) {
      case 'confirmation':
        if (!this.#frames.confirm(message)) throw new PeerFormatError('a frame confirmed that was not sent');
        return;
      case 'ping':
        return;
      default:
        throw new PeerFormatError(`${message.type} from a receiver of frames`);
    }
  }

  #flush(): void {
    const { backlogBytesMax } = this.#settings.limits;
    while (this.isUp && this.#stream.backlogBytes < backlogBytesMax) {
      const pieces: Buffer[] = [];
      const frames = this.#frames.take(pieces, backlogBytesMax);
      if (frames === 0) return;
      this.#settings.stats.framesOut += frames;
      this.#write(pieces);
    }
  }

  #write(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#settings.stats.bytesOut += piece.length;
    this.#liveness?.sent();
    this.#stream.write(pieces);
  }

  #cutForNonsense(problem: string): void {
    this.#settings.stats.malformed++;
    this.#end(`cut: ${problem}`);
  }

  #end(problem: string | undefined, destroys = true): void {
    if (this.#isEnded) return;
    if (destroys) this.destroy();
    else this.#stop();
    this.#listener.onEnded(problem);
  }

  #stop(): void {
    this.#isEnded = true;
    this.isUp = false;
    this.#deadline.cancel();
    this.#liveness?.stop();
  }
}
