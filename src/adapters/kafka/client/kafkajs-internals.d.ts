/**
 * The parts of kafkajs 2.2.4 below its producer and consumer that this adapter stands on: framing, version negotiation, TLS
 * and SASL of one connection, and a few codecs. The package types only what lies above them.
 */
declare module 'kafkajs/src/network/connectionPool.js' {
  import type { Socket } from 'node:net';
  import type { ConnectionOptions } from 'node:tls';
  import type { KafkaJsLogger } from 'kafkajs/src/loggers/index.js';
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  export interface ProtocolRequest {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): Promise<Encoder>;
  }

  export interface ProtocolCall<Decoded, Result> {
    readonly request: ProtocolRequest;
    readonly response: {
      decode(payload: Buffer): Promise<Decoded>;
      parse(decoded: Decoded): Promise<Result>;
    };
    /** Milliseconds; never shortens the connection's own time-out. */
    readonly requestTimeout?: number;
  }

  export interface Connection {
    isConnected(): boolean;
    send<Decoded, Result>(call: ProtocolCall<Decoded, Result>): Promise<Result>;
  }

  export interface ConnectionPoolOptions {
    readonly host: string;
    readonly port: number;
    readonly clientId: string;
    readonly ssl: ConnectionOptions | null;
    readonly sasl: {
      readonly mechanism: string;
      readonly username: string;
      readonly password: string;
    } | null;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly enforceRequestTimeout: boolean;
    readonly maxInFlightRequests: number | null;
    readonly logger: KafkaJsLogger;
    readonly socketFactory: (to: {
      readonly host: string;
      readonly port: number;
      readonly ssl: ConnectionOptions | null;
      readonly onConnect: () => void;
    }) => Socket;
  }

  export default class ConnectionPool {
    constructor(options: ConnectionPoolOptions);
    getConnection(index: number): Promise<Connection>;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js';
  import type { KafkaJsLogger } from 'kafkajs/src/loggers/index.js';

  export default class Broker {
    constructor(options: {
      readonly connectionPool: ConnectionPool;
      readonly logger: KafkaJsLogger;
      readonly authenticationTimeout: number;
    });
    /** Connects, asks for the versions spoken and authenticates, all on connection 0 of the pool. */
    connect(): Promise<void>;
  }
}

declare module 'kafkajs/src/loggers/index.js' {
  import type { logCreator } from 'kafkajs';

  export interface KafkaJsLogger {
    namespace(name: string): KafkaJsLogger;
  }

  const loggers: {
    createLogger(options: { readonly level: number; readonly logCreator: logCreator }): KafkaJsLogger;
  };
  export default loggers;
}

declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    constructor(initialBytes?: number);
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeString(value: string | null): this;
    writeBuffer(value: Buffer): this;
  }
}

declare module 'kafkajs/src/protocol/recordBatch/crc32C/index.js' {
  export default function crc32C(bytes: Buffer): number;
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type { ProtocolCall, ProtocolRequest } from 'kafkajs/src/network/connectionPool.js';

  export interface MetadataResponse {
    readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
    readonly topicMetadata: readonly {
      readonly topicErrorCode: number;
      readonly topic: string;
      readonly partitionMetadata: readonly {
        readonly partitionErrorCode: number;
        readonly partitionId: number;
        readonly leader: number;
      }[];
    }[];
  }

  export interface ListOffsetsResponse {
    readonly responses: readonly {
      readonly partitions: readonly {
        readonly partition: number;
        readonly errorCode: number;
        readonly offset: string;
      }[];
    }[];
  }

  export interface InitProducerIdResponse {
    readonly errorCode: number;
    readonly producerId: string;
    readonly producerEpoch: number;
  }

  interface Api<Arguments, Decoded> {
    protocol(of: { readonly version: number }): (values: Arguments) => ProtocolCall<Decoded, Decoded>;
  }

  const requests: {
    readonly requests: {
      readonly Metadata: Api<
        { readonly topics: readonly string[]; readonly allowAutoTopicCreation: boolean },
        MetadataResponse
      >;
      readonly ListOffsets: Api<
        {
          readonly isolationLevel: number;
          readonly topics: readonly {
            readonly topic: string;
            readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
          }[];
        },
        ListOffsetsResponse
      >;
      readonly InitProducerId: Api<
        { readonly transactionalId: string | null; readonly transactionTimeout: number },
        InitProducerIdResponse
      >;
      readonly Fetch: {
        protocol(of: { readonly version: 11 }): (values: {
          readonly maxWaitTime: number;
          readonly minBytes: number;
          readonly maxBytes: number;
          readonly isolationLevel: number;
          readonly topics: readonly {
            readonly topic: string;
            readonly partitions: readonly {
              readonly partition: number;
              readonly fetchOffset: number;
              readonly maxBytes: number;
            }[];
          }[];
        }) => { readonly request: ProtocolRequest };
      };
    };
  };
  export default requests;
}
