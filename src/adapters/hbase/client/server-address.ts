/** Where a server of HBase listens, and which run of it: host, port and start code. */
import { bigintOf } from './halves.ts';
import type { ServerNameMessage } from './messages.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** When this run of the server started; 0 when not known. */
  readonly startCode: bigint;
  /** `host:port`, for messages and as a key. */
  readonly name: string;
}

export function serverAddress(host: string, port: number, startCode = 0n): ServerAddress {
  return { host, port, startCode, name: `${host}:${port}` };
}

export function addressOf(message: ServerNameMessage): ServerAddress {
  const startCode = message.startCode === undefined ? 0n : bigintOf(message.startCode);
  return serverAddress(message.hostName, message.port, startCode);
}
