/** What transport counts; plain numbers, read by the metrics exporter. Bytes are MQTT's, without TLS and WebSocket framing. */
import type { PeerAddress } from '../broker/client-link.ts';

export class Traffic {
  bytesIn = 0;
  bytesOut = 0;
  /** Writes handed to sockets: packets per write is what batching achieves. */
  writes = 0;
  /** TLS handshakes and WebSocket upgrades that were refused, given up or too slow. */
  handshakesFailed = 0;
  /** Open now, past their handshakes. */
  readonly connections: Record<PeerAddress['transport'], number> = { tcp: 0, tls: 0, ws: 0, wss: 0 };
}
