/** Shapes of the messages of HBase's MasterService and AdminService that table administration uses. */
import type {
  Halves,
  RegionInfoMessage,
  RegionSpecifier,
  ServerNameMessage,
  TableNameMessage,
} from './messages.ts';

/** A call with the same nonce is done once, however often it is sent. */
export interface Nonce {
  readonly nonceGroup: Halves;
  readonly nonce: Halves;
}

export interface ProcedureStarted {
  readonly procId: Halves;
}

export interface NameStringPair {
  readonly name: string;
  readonly value: string;
}

export interface BytesBytesPair {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

export interface ColumnFamilySchema {
  readonly name: Uint8Array;
  readonly attributes: readonly BytesBytesPair[];
  readonly configuration: readonly NameStringPair[];
}

export interface TableSchema {
  readonly tableName: TableNameMessage;
  readonly attributes: readonly BytesBytesPair[];
  readonly columnFamilies: readonly ColumnFamilySchema[];
  readonly configuration: readonly NameStringPair[];
}

export interface CreateNamespaceRequest extends Nonce {
  readonly namespaceDescriptor: {
    readonly name: Uint8Array;
    readonly configuration: readonly NameStringPair[];
  };
}

export interface CreateTableRequest extends Nonce {
  readonly tableSchema: TableSchema;
  readonly splitKeys: readonly Uint8Array[];
}

export interface ModifyTableRequest extends Nonce {
  readonly tableName: TableNameMessage;
  readonly tableSchema: TableSchema;
}

export interface TableRequest extends Nonce {
  readonly tableName: TableNameMessage;
}

export interface TruncateTableRequest extends TableRequest {
  readonly preserveSplits: boolean;
}

export interface GetTableDescriptorsRequest {
  readonly tableNames: readonly TableNameMessage[];
}

export interface GetTableDescriptorsResponse {
  readonly tableSchema: readonly TableSchema[];
}

export interface GetTableStateResponse {
  readonly tableState: { readonly state: number };
}

export interface ListNamespacesResponse {
  readonly namespaceName: readonly string[];
}

export interface MoveRegionRequest {
  readonly region: RegionSpecifier;
  readonly destServerName?: ServerNameMessage;
}

export interface SplitRegionRequest extends Nonce {
  readonly regionInfo: Omit<RegionInfoMessage, 'replicaId'>;
  readonly splitRow?: Uint8Array;
}

export interface GetProcedureResultResponse {
  /** 0: not known any more. 1: running. 2: finished. */
  readonly state: number;
  readonly exception: {
    readonly genericException: { readonly className: string; readonly message: string } | null;
  } | null;
}

export interface GetClusterStatusResponse {
  readonly clusterStatus: { readonly liveServers: readonly { readonly server: ServerNameMessage }[] };
}

export interface FlushRegionRequest {
  readonly region: RegionSpecifier;
}

export interface CompactionStateRequest {
  readonly region: RegionSpecifier;
  readonly compactionState: true;
}

export interface CompactionStateResponse {
  /** 0: none is under way. */
  readonly compactionState: number;
}

export interface CompactRegionRequest {
  readonly region: RegionSpecifier;
  readonly major: boolean;
}
