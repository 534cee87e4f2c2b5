/** The socket of a connection to Kafka, as kafkajs asks for it. */
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

const KEEP_ALIVE_MS = 60_000;

export interface SocketTarget {
  readonly host: string;
  readonly port: number;
  /** null, undefined or false: no TLS. */
  readonly ssl: ConnectionOptions | false | null | undefined;
  readonly onConnect: () => void;
}

export function openSocket({ host, port, ssl, onConnect }: SocketTarget): Socket {
  const socket =
    ssl === null || ssl === undefined || ssl === false
      ? connectTcp({ host, port }, onConnect)
      : connectTls({ host, port, ...serverName(host), ...ssl }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** An address is not a server name [RFC 6066, section 3]. */
function serverName(host: string): ConnectionOptions {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}
