/**
 * Takes the PROXY header off the front of a connection and gives every byte behind it to whoever reads next. Only
 * trusted peers may send one, and they must: whoever may name the client's address could otherwise be anybody, and a
 * connection without a header would carry the proxy's address for the client's.
 */
import type { AddressRanges } from './address-ranges.ts';
import type { CertificateUse } from './certificate-name.ts';
import type { Incoming } from './incoming.ts';
import { readProxyHeader, type ProxyHeader, type ReadProxyHeader } from './proxy-header.ts';
import { ProxyHeaderError, type ProxyRefusal } from './proxy-refusal.ts';

export interface ProxyProtocolOptions {
  /** Who may speak for others. */
  readonly trusted: AddressRanges;
  /** Of the common name in the client certificate that the proxy has verified; default: ignored. */
  readonly certificateUse?: CertificateUse;
}

export interface ProxyReport {
  readonly onHeader: (header: ProxyHeader, proxyAddress: string) => void;
  readonly onRefused: (reason: ProxyRefusal, detail: string, proxyAddress: string) => void;
}

const NOTHING = Buffer.alloc(0);

export class ProxyHandshake {
  readonly #options: ProxyProtocolOptions;
  readonly #report: ProxyReport;

  constructor(options: ProxyProtocolOptions, report: ProxyReport) {
    this.#options = options;
    this.#report = report;
  }

  /** Asked before anything is spent on a connection. A refusal is reported. */
  admits(address: string): boolean {
    if (this.#options.trusted.has(address)) return true;
    this.#report.onRefused('untrusted', 'not one of the addresses in proxyProtocol.trusted', address);
    return false;
  }

  /** Calls `next` with the socket paused and the bytes behind the header put back; never for a refused one. */
  begin(incoming: Incoming, next: () => void): void {
    const { socket, address } = incoming;
    let received: Buffer = NOTHING;
    const stop = (): void => {
      socket.off('data', onData).off('end', onEnd).off('close', onClose).off('error', ignoreError);
    };
    const refuse = (reason: ProxyRefusal, detail: string): void => {
      stop();
      this.#report.onRefused(reason, detail, address);
      socket.on('error', ignoreError);
      socket.destroy();
    };
    const onData = (chunk: Buffer): void => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      let read: ReadProxyHeader | undefined;
      try {
        read = readProxyHeader(received);
      } catch (error) {
        if (!(error instanceof ProxyHeaderError)) throw error;
        refuse(error.reason, error.message);
        return;
      }
      if (read === undefined) return;
      stop();
      // Not flowing, or what is put back would be emitted with nobody there to take it.
      socket.pause();
      if (read.length < received.length) socket.unshift(received.subarray(read.length));
      this.#apply(read.header, incoming);
      this.#report.onHeader(read.header, address);
      next();
    };
    const onEnd = (): void => {
      socket.destroy();
    };
    const onClose = (): void => {
      stop();
      const [reason, what] = incoming.isLate
        ? (['timedOut', 'in time'] as const)
        : (['closed', 'before the connection was closed'] as const);
      this.#report.onRefused(reason, `${received.length} bytes of a header came ${what}`, address);
    };
    socket.on('data', onData).on('end', onEnd).on('close', onClose).on('error', ignoreError);
  }

  #apply({ source, tls }: ProxyHeader, incoming: Incoming): void {
    if (source !== undefined) {
      incoming.address = source.address;
      incoming.port = source.port;
    }
    if (tls?.verified === true) {
      incoming.identify(tls.commonName, this.#options.certificateUse ?? 'ignored');
    }
  }
}

/** The socket closes, and that is reported. */
function ignoreError(): void {}
