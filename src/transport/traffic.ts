/** What transport counts; plain numbers, read by the metrics exporter. Bytes are MQTT's, without TLS and WebSocket framing. */
import type { PeerAddress } from '../broker/client-link.ts';
import type { RefusalReason } from './admission.ts';
import type { ProxyRefusal } from './proxy-refusal.ts';
import type { WebSocketViolation } from './websocket-stream.ts';

export class Traffic {
  bytesIn = 0;
  bytesOut = 0;
  /** Writes handed to sockets: packets per write is what batching achieves. */
  writes = 0;
  /** TLS handshakes and WebSocket upgrades that were refused, given up or too slow. */
  handshakesFailed = 0;
  /** Connections dropped because their CONNECT, handshakes included, did not come in time. */
  connectTimeouts = 0;
  /** Connections dropped because their socket took nothing for too long. */
  stalled = 0;
  /** Connections refused before anything was spent on them. */
  readonly refused: Record<RefusalReason, number> = {
    connectionsMax: 0,
    connectionRateMax: 0,
    connectionsPerAddressMax: 0,
    acceptFailed: 0,
  };
  /** Connections ended for breaking the rules of WebSockets. */
  readonly webSocketViolations: Record<WebSocketViolation, number> = { frame: 0, notBinary: 0, pings: 0 };
  /** Connections refused for want of a PROXY header that may be believed. */
  readonly proxiesRefused: Record<ProxyRefusal, number> = {
    untrusted: 0,
    missing: 0,
    malformed: 0,
    tooLong: 0,
    checksum: 0,
    timedOut: 0,
    closed: 0,
  };
  /** Open now, past their handshakes. */
  readonly connections: Record<PeerAddress['transport'], number> = { tcp: 0, tls: 0, ws: 0, wss: 0 };
}
