/**
 * An accepted socket on its way through its handshakes (PROXY header, TLS, WebSocket upgrade): who it comes from, as
 * far as that is known by now, and one deadline over all of them.
 */
import type { Socket } from 'node:net';
import type { CertificateUse } from './certificate-name.ts';
import { Watched } from './deadline-wheel.ts';

export class Incoming extends Watched {
  readonly socket: Socket;
  /** Of the client: the socket's own, until a trusted proxy has told another. */
  address: string;
  /** 0: not known. */
  port: number;
  certificateName: string | undefined;
  certificateDecides = false;
  /** What `Admission` counts it under; undefined: not yet. */
  network: string | undefined;
  /** The deadline passed. */
  isLate = false;
  readonly #onLate: () => void;

  constructor(socket: Socket, address: string, port: number, onLate: () => void) {
    super();
    this.socket = socket;
    this.address = address;
    this.port = port;
    this.#onLate = onLate;
  }

  /** A verified certificate names the client. TLS in the broker comes after what a proxy says, and overrides it. */
  identify(name: string | undefined, use: CertificateUse): void {
    if (name === undefined || name === '' || use === 'ignored') return;
    this.certificateName = name;
    this.certificateDecides = use === 'decides';
  }

  override onDeadline(): void {
    this.isLate = true;
    this.#onLate();
    this.socket.destroy();
  }
}
