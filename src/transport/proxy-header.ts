/**
 * The header a proxy puts before the bytes of a client: PROXY protocol, versions 1 and 2. Reads it from the front of
 * what has arrived, however that was cut; never reads past it, and refuses what is not one as soon as that is seen.
 *
 * Version 1 is one line of text; at most 107 bytes, its end included:
 *
 *     header  => "PROXY" SP (tcp4 | tcp6 | unknown) CR LF
 *     tcp4    => "TCP4" SP ipv4 SP ipv4 SP port SP port      source, destination
 *     tcp6    => "TCP6" SP ipv6 SP ipv6 SP port SP port
 *     unknown => "UNKNOWN" [SP *(any but LF)]                to be ignored
 *     port    => "0" | 1*5DIGIT without a leading zero, at most 65535
 *
 * Version 2: see `proxy-header-v2.ts`.
 */
import { isIPv4, isIPv6 } from 'node:net';
import { canonicalAddress } from './address-ranges.ts';
import { readHeaderV2, SIGNATURE_V2 } from './proxy-header-v2.ts';
import { ProxyHeaderError } from './proxy-refusal.ts';

export interface ProxySource {
  /** An IP address in its one spelling; `unix:` and the path for a client on the proxy's own machine. */
  readonly address: string;
  /** 0 for `unix:`. */
  readonly port: number;
}

/** What the proxy says about TLS between the client and itself. */
export interface ProxyTls {
  /** The client showed a certificate, in this connection or in the session it resumes, and the proxy verified it. */
  readonly verified: boolean;
  readonly version: string | undefined;
  /** Of the client's certificate. */
  readonly commonName: string | undefined;
  readonly cipher: string | undefined;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * undefined: the proxy speaks for itself (LOCAL, a health check) or cannot tell (UNKNOWN); the address of the
   * socket counts.
   */
  readonly source: ProxySource | undefined;
  readonly alpn: string | undefined;
  /** Host name the client asked for: SNI. */
  readonly authority: string | undefined;
  /** What the proxy calls this connection in its own logs. */
  readonly uniqueId: Buffer | undefined;
  readonly tls: ProxyTls | undefined;
}

export interface ReadProxyHeader {
  readonly header: ProxyHeader;
  /** Where the client's own bytes begin. */
  readonly length: number;
}

const SIGNATURE_V1 = Buffer.from('PROXY ');
const LINE_BYTES_MAX = 107;
const CR = 0x0d;
const LF = 0x0a;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
const PORT_MAX = 65_535;

/** undefined: more bytes are needed. Throws `ProxyHeaderError`. */
export function readProxyHeader(bytes: Buffer): ReadProxyHeader | undefined {
  if (begins(bytes, SIGNATURE_V1)) return bytes.length < SIGNATURE_V1.length ? undefined : readLine(bytes);
  if (begins(bytes, SIGNATURE_V2))
    return bytes.length < SIGNATURE_V2.length ? undefined : readHeaderV2(bytes);
  throw new ProxyHeaderError('missing', 'the connection did not begin with a PROXY header');
}

/** As far as there are bytes. */
function begins(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.subarray(0, length).equals(signature.subarray(0, length));
}

function readLine(bytes: Buffer): ReadProxyHeader | undefined {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf(LF);
  if (end < 0) {
    if (bytes.length < LINE_BYTES_MAX) return undefined;
    throw new ProxyHeaderError('tooLong', `no end of line within ${LINE_BYTES_MAX} bytes`);
  }
  if (bytes[end - 1] !== CR) throw malformed('the line does not end with CR LF');
  const line = bytes.toString('latin1', SIGNATURE_V1.length, end - 1);
  return { header: { ...NOTHING_TOLD, source: sourceOf(line) }, length: end + 1 };
}

const NOTHING_TOLD = {
  version: 1,
  alpn: undefined,
  authority: undefined,
  uniqueId: undefined,
  tls: undefined,
} as const;

function sourceOf(line: string): ProxySource | undefined {
  const [family, source = '', destination = '', sourcePort = '', destinationPort = '', ...rest] =
    line.split(' ');
  if (family === 'UNKNOWN') return undefined;
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isPlainIPv6 : undefined;
  if (isAddress === undefined) throw malformed('the protocol is none of TCP4, TCP6, UNKNOWN');
  if (rest.length > 0) throw malformed('the line has too many words');
  if (!isAddress(source) || !isAddress(destination)) throw malformed(`an address is none of ${family}`);
  if (!isPort(sourcePort) || !isPort(destinationPort)) throw malformed('a port is no number up to 65535');
  return { address: canonicalAddress(source) ?? source, port: Number(sourcePort) };
}

function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isPort(text: string): boolean {
  return PORT.test(text) && Number(text) <= PORT_MAX;
}

function malformed(detail: string): ProxyHeaderError {
  return new ProxyHeaderError('malformed', `version 1: ${detail}`);
}
