/**
 * Shapes of the protobuf messages this client sends and reads, as protobufjs gives them: camel case, bytes as buffers that
 * share the memory of the frame they came in, absent optional fields as their default. Bytes are copied by nobody.
 */

/** A 64-bit number on the wire, as two 32-bit halves. */
export interface Halves {
  readonly low: number;
  readonly high: number;
}

export interface TableNameMessage {
  readonly namespace: Buffer;
  readonly qualifier: Buffer;
}

export interface ServerNameMessage {
  readonly hostName: string;
  readonly port: number;
  readonly startCode?: Halves;
}

export interface RegionInfoMessage {
  readonly regionId: Halves;
  readonly tableName: TableNameMessage;
  readonly startKey: Buffer;
  readonly endKey: Buffer;
  readonly offline: boolean;
  readonly split: boolean;
  readonly replicaId: number;
}

/** `type` 1: the region's whole name. 2: its encoded name. */
export interface RegionSpecifier {
  readonly type: 1 | 2;
  readonly value: Uint8Array;
}

export interface CellMessage {
  readonly row: Buffer;
  readonly family: Buffer;
  readonly qualifier: Buffer;
  readonly timestamp: Halves;
  readonly value: Buffer;
}

export interface ResultMessage {
  readonly cell: readonly CellMessage[];
  /** Cells that are behind the answer instead. */
  readonly associatedCellCount: number;
}

/** An answer with the cells that came behind it, as `cell-block.ts` reads them; none: empty. */
export interface WithCells<Message> {
  readonly message: Message;
  readonly cells: Buffer;
}

export interface ColumnMessage {
  readonly family: Uint8Array;
  readonly qualifier: readonly Uint8Array[];
}

export interface RequestHeader {
  readonly callId: number;
  readonly methodName: string;
  readonly requestParam: true;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface ResponseHeader {
  readonly callId: number;
  readonly exception: {
    readonly exceptionClassName: string;
    readonly stackTrace: string;
    readonly doNotRetry: boolean;
  } | null;
  /** Of the cells behind the answer; absent: there are none. */
  readonly cellBlockMeta: { readonly length: number } | null;
}

export interface ConnectionHeader {
  readonly userInfo: { readonly effectiveUser: string };
  readonly serviceName: string;
  /** Java class; left out: cells come inside messages. */
  readonly cellBlockCodecClass?: string;
}

export interface ScanMessage {
  readonly column: readonly ColumnMessage[];
  readonly startRow: Uint8Array;
  readonly stopRow: Uint8Array;
  readonly includeStartRow: boolean;
  readonly includeStopRow?: boolean;
  readonly reversed: boolean;
  readonly cacheBlocks: boolean;
  readonly maxResultSize?: number;
}

export interface ScanRequest {
  readonly region?: RegionSpecifier;
  readonly scan?: ScanMessage;
  readonly scannerId?: Halves;
  readonly numberOfRows: number;
  readonly nextCallSeq?: number;
  readonly closeScanner?: boolean;
  readonly clientHandlesPartials?: boolean;
  readonly clientHandlesHeartbeats?: boolean;
  /** 0: no limit. */
  readonly limitOfRows?: number;
}

export interface ScanResponse {
  readonly scannerId: Halves;
  readonly moreResults: boolean;
  readonly moreResultsInRegion: boolean;
  /** How many of the cells behind the answer are each result's. */
  readonly cellsPerResult: readonly number[];
  /** More cells of the same row may follow in the next result. */
  readonly partialFlagPerResult: readonly boolean[];
  /** Only from a server that sends no cells behind the answer. */
  readonly results: readonly ResultMessage[];
}

export interface GetRequest {
  readonly region: RegionSpecifier;
  /** The field is called `get` in HBase; the library's definitions name it so because `get` was taken. */
  readonly gxt: { readonly row: Uint8Array; readonly column: readonly ColumnMessage[] };
}

export interface GetResponse {
  readonly result: ResultMessage | null;
}

export interface CoprocessorServiceResponse {
  readonly value: { readonly value: Buffer };
}

export interface MutationMessage {
  readonly row: Uint8Array;
  /** 1: increment. 2: put. 3: delete. */
  readonly mutateType: 1 | 2 | 3;
  readonly columnValue: readonly {
    readonly family: Uint8Array;
    readonly qualifierValue: readonly {
      readonly qualifier?: Uint8Array;
      readonly value?: Uint8Array;
      readonly timestamp?: Halves;
      /** 0: this version. 1: all versions up to the time. 2: the family up to the time. */
      readonly deleteType?: 0 | 1 | 2;
    }[];
  }[];
  readonly timestamp?: Halves;
}

export interface MutateRequest {
  readonly region: RegionSpecifier;
  readonly mutation: MutationMessage;
}

export interface MutateResponse {
  readonly result: ResultMessage | null;
}

export interface NamedBytes {
  readonly name: string;
  readonly value: Buffer;
}

export interface MultiRequest {
  readonly regionAction: readonly {
    readonly region: RegionSpecifier;
    readonly atomic: boolean;
    readonly action: readonly { readonly index: number; readonly mutation: MutationMessage }[];
  }[];
}

export interface MultiResponse {
  readonly regionActionResult: readonly {
    readonly resultOrException: readonly { readonly index: number; readonly exception: NamedBytes | null }[];
    readonly exception: NamedBytes | null;
  }[];
}

/** What ZooKeeper's nodes `meta-region-server` and `master` hold. */
export interface MetaRegionServer {
  readonly server: ServerNameMessage;
}

export interface MasterNode {
  readonly master: ServerNameMessage;
}
