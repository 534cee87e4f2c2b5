/**
 * What the protobuf definitions of hbase-rpc-client, made for HBase 0.98, lack of HBase 2: fields to add to its messages, and
 * messages and calls to add to its services. Only what this client uses; numbers as in HBase's own definitions.
 */
export const HBASE_2_DEFINITIONS = `
syntax = "proto2";

message RequestHeader {
  // Milliseconds after which the server need not start the call any more.
  optional uint32 timeout = 7;
}

message MetaRegionServer {
  optional uint32 state = 3;
}

message RegionInfo {
  optional int32 replica_id = 7;
}

message Scan {
  optional bool include_start_row = 21;
  optional bool include_stop_row = 22;
}

message ScanRequest {
  optional bool client_handles_partials = 7;
  optional bool client_handles_heartbeats = 8;
  optional uint32 limit_of_rows = 11;
}

message ScanResponse {
  repeated bool partial_flag_per_result = 7;
  optional bool more_results_in_region = 8;
  optional bool heartbeat_message = 9;
}

message CreateNamespaceRequest {
  optional uint64 nonce_group = 2;
  optional uint64 nonce = 3;
}
message CreateNamespaceResponse {
  optional uint64 proc_id = 1;
}
message CreateTableRequest {
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message CreateTableResponse {
  optional uint64 proc_id = 1;
}
message ModifyTableRequest {
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message ModifyTableResponse {
  optional uint64 proc_id = 1;
}
message EnableTableRequest {
  optional uint64 nonce_group = 2;
  optional uint64 nonce = 3;
}
message EnableTableResponse {
  optional uint64 proc_id = 1;
}
message DisableTableRequest {
  optional uint64 nonce_group = 2;
  optional uint64 nonce = 3;
}
message DisableTableResponse {
  optional uint64 proc_id = 1;
}
message DeleteTableRequest {
  optional uint64 nonce_group = 2;
  optional uint64 nonce = 3;
}
message DeleteTableResponse {
  optional uint64 proc_id = 1;
}
message TruncateTableRequest {
  required TableName table_name = 1;
  optional bool preserve_splits = 2;
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message TruncateTableResponse {
  optional uint64 proc_id = 1;
}
message SplitTableRegionRequest {
  required RegionInfo region_info = 1;
  optional bytes split_row = 2;
  optional uint64 nonce_group = 3;
  optional uint64 nonce = 4;
}
message SplitTableRegionResponse {
  optional uint64 proc_id = 1;
}
message ListNamespacesRequest {}
message ListNamespacesResponse {
  repeated string namespace_name = 1;
}
message TableState {
  enum State {
    ENABLED = 0;
    DISABLED = 1;
    DISABLING = 2;
    ENABLING = 3;
  }
  required State state = 1;
}
message GetTableStateRequest {
  required TableName table_name = 1;
}
message GetTableStateResponse {
  required TableState table_state = 1;
}
message GetProcedureResultRequest {
  required uint64 proc_id = 1;
}
message GetProcedureResultResponse {
  enum State {
    NOT_FOUND = 0;
    RUNNING = 1;
    FINISHED = 2;
  }
  required State state = 1;
  optional ForeignExceptionMessage exception = 5;
}

service MasterService {
  rpc truncateTable(TruncateTableRequest) returns(TruncateTableResponse);
  rpc SplitRegion(SplitTableRegionRequest) returns(SplitTableRegionResponse);
  rpc ListNamespaces(ListNamespacesRequest) returns(ListNamespacesResponse);
  rpc GetTableState(GetTableStateRequest) returns(GetTableStateResponse);
  rpc getProcedureResult(GetProcedureResultRequest) returns(GetProcedureResultResponse);
}
`;
