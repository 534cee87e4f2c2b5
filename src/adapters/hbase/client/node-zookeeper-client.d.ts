/** The little of node-zookeeper-client 1.1.3 that the registry uses: it brings no types. */
declare module 'node-zookeeper-client' {
  import type { EventEmitter } from 'node:events';
  import type { Socket } from 'node:net';

  export interface ZooKeeperException {
    /** -101: no such node. */
    readonly code: number;
    toString(): string;
  }

  /** Inner part: its reconnecting is replaced, because the original cannot be stopped. */
  export interface ConnectionManager {
    readonly servers: readonly { readonly host: string; readonly port: number }[];
    /** Undefined before the first attempt to connect. */
    readonly socket: Socket | undefined;
    readonly connectTimeoutHandler: NodeJS.Timeout | null;
    findNextServer: (connectTo: (server: { readonly host: string; readonly port: number }) => void) => void;
    setState(state: number): void;
  }

  export interface Client extends EventEmitter {
    readonly connectionManager: ConnectionManager;
    connect(): void;
    close(): void;
    getData(
      path: string,
      watcher: () => void,
      callback: (error: ZooKeeperException | null, data: Buffer | undefined) => void,
    ): void;
    exists(
      path: string,
      watcher: () => void,
      callback: (error: ZooKeeperException | null, stat: object | null) => void,
    ): void;
  }

  export interface ClientOptions {
    readonly sessionTimeout: number;
    readonly spinDelay: number;
    readonly retries: number;
  }

  const zookeeper: {
    createClient(connectionString: string, options: ClientOptions): Client;
  };
  export default zookeeper;
}
