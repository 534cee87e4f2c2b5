/** One connection that a peer dialled: answers its hello, hands its frames over, and confirms what was handled in a turn at once. */
import type { TimerHandle } from '../../time/clock.ts';
import { MessageSplitter } from '../wire/message-splitter.ts';
import { PeerFormatError } from '../wire/peer-format-error.ts';
import { decodePeerMessage, encodePeerMessage } from '../wire/peer-message-codec.ts';
import type { Hello, PeerMessage } from '../wire/peer-message.ts';
import type { IncomingPeer, SendingConnection } from './incoming-peer.ts';
import type { IncomingPeers } from './incoming-peers.ts';
import type { LinkSettings } from './link-settings.ts';
import { Liveness } from './liveness.ts';
import type { PeerStream, PeerStreamListener } from './peer-transport.ts';

const PING = encodePeerMessage({ type: 'ping' });
/** Of a greeting, with room for what later releases append: more is not held for somebody who is not known yet. */
const HELLO_BYTES_MAX = 8_192;

export class IncomingConnection implements PeerStreamListener, SendingConnection {
  readonly #settings: LinkSettings;
  readonly #peers: IncomingPeers;
  readonly #stream: PeerStream;
  readonly #onEnded: (connection: IncomingConnection) => void;
  readonly #splitter: MessageSplitter;
  readonly #deadline: TimerHandle;
  /** Who it is, for people. */
  #name: string;
  /** undefined: has not greeted, or was refused. */
  #peer: IncomingPeer | undefined;
  #liveness: Liveness | undefined;
  #isRefused = false;
  #isEnded = false;
  #isConfirmationDue = false;

  constructor(
    settings: LinkSettings,
    peers: IncomingPeers,
    stream: PeerStream,
    from: string,
    onEnded: (connection: IncomingConnection) => void,
  ) {
    this.#settings = settings;
    this.#peers = peers;
    this.#stream = stream;
    this.#name = from;
    this.#onEnded = onEnded;
    this.#splitter = new MessageSplitter(HELLO_BYTES_MAX);
    const { connectTimeoutMs } = settings.limits;
    this.#deadline = settings.timers.after(connectTimeoutMs, () => {
      this.cut(this.#isRefused ? undefined : `no hello within ${connectTimeoutMs} ms`);
    });
  }

  onOpen(): void {
    // It stood already.
  }

  onBytes(chunk: Buffer): void {
    // What follows a hello that was refused was sent before that was known.
    if (this.#isEnded || this.#isRefused) return;
    this.#settings.stats.bytesIn += chunk.length;
    this.#liveness?.received();
    try {
      this.#splitter.push(chunk, this.#onMessage);
    } catch (error) {
      if (!(error instanceof PeerFormatError)) throw error;
      this.#settings.stats.malformed++;
      this.cut(`cut: ${error.message}`);
    }
  }

  onDrained(): void {
    // Confirmations are few and small: they do not wait for each other.
  }

  onClosed(): void {
    this.#end();
  }

  confirmLater(): void {
    if (this.#isConfirmationDue || this.#isEnded) return;
    this.#isConfirmationDue = true;
    this.#settings.timers.endOfTurn(this.#confirmAtEndOfTurn);
  }

  cut(problem: string | undefined): void {
    if (this.#isEnded) return;
    if (problem !== undefined) this.#settings.report(this.#name, problem);
    this.#stream.destroy();
    this.#end();
  }

  readonly #confirmAtEndOfTurn = (): void => {
    this.#isConfirmationDue = false;
    if (this.#isEnded || this.#peer === undefined) return;
    const confirmations = confirmationsOf(this.#peer);
    if (confirmations.length > 0) this.#write(confirmations);
  };

  readonly #onMessage = (body: Buffer): boolean => {
    const message = decodePeerMessage(body);
    if (this.#peer !== undefined) this.#whileUp(this.#peer, message);
    else if (message.type === 'hello') this.#greeted(message);
    else throw new PeerFormatError(`${message.type} before hello`);
    return !this.#isEnded && !this.#isRefused;
  };

  #greeted(hello: Hello): void {
    this.#name = hello.from;
    const admission = this.#peers.admit(hello);
    if (admission.type === 'refused') {
      const { code, reason, isNews } = admission;
      this.#isRefused = true;
      this.#settings.stats.refused++;
      if (isNews) this.#settings.report(this.#name, `refused: ${reason}`);
      this.#write([encodePeerMessage({ type: 'refused', code, reason })]);
      this.#stream.end();
      return;
    }
    this.#deadline.cancel();
    this.#peer = admission.peer;
    this.#splitter.allow(this.#settings.limits.frameBytesMax);
    this.#liveness = new Liveness(this.#settings.timers, this.#settings.limits, {
      onIdle: () => {
        this.#write([PING]);
      },
      onSilent: () => {
        this.#settings.stats.silent++;
        this.cut(`nothing came for ${this.#settings.limits.silentMs} ms`);
      },
    });
    const { version, peer } = admission;
    const welcome = encodePeerMessage({ type: 'welcome', version, resumeAfter: peer.attach(this) });
    this.#write([welcome, ...confirmationsOf(peer)]);
  }

  #whileUp(peer: IncomingPeer, message: PeerMessage): void {
    switch (message.type) {
      case 'frame':
        if (peer.take(message.number, message.frame) !== 'gap') return;
        throw new PeerFormatError(`frame ${message.number} without the one before it`);
      case 'ping':
        return;
      default:
        throw new PeerFormatError(`${message.type} from a sender of frames`);
    }
  }

  #write(pieces: readonly Buffer[]): void {
    for (const piece of pieces) this.#settings.stats.bytesOut += piece.length;
    this.#liveness?.sent();
    this.#stream.write(pieces);
  }

  #end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#deadline.cancel();
    this.#liveness?.stop();
    this.#peer?.detach(this);
    this.#onEnded(this);
  }
}

function confirmationsOf(peer: IncomingPeer): Buffer[] {
  const encoded: Buffer[] = [];
  for (let next = peer.takeConfirmation(); next !== undefined; next = peer.takeConfirmation()) {
    encoded.push(encodePeerMessage(next));
  }
  return encoded;
}
