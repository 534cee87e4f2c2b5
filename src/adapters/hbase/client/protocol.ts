/**
 * HBase's calls and messages as typed codecs, read from the protobuf definitions of hbase-rpc-client and the additions for
 * HBase 2. Reading them takes some 60 ms, so it happens when the first client connects, not when this module is loaded.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Root, Service, Type } from 'protobufjs';
import { HBASE_2_DEFINITIONS } from './hbase-2-definitions.ts';
import type * as master from './master-messages.ts';
import type * as messages from './messages.ts';

/** The services of HBase that a connection can be opened for. */
export type ServiceName = 'ClientService' | 'AdminService' | 'MasterService';

export interface MessageCodec<Message> {
  readonly encode: (message: Message) => Buffer;
  /** The buffers in the message share the memory of `bytes`. Throws when `bytes` are not such a message. */
  readonly decode: (bytes: Buffer) => Message;
}

/** One call of a service: its name on the wire, how its request is written and its answer read. */
export interface RpcMethod<Request, Response> {
  readonly service: ServiceName;
  readonly name: string;
  readonly encode: (request: Request) => Buffer;
  /** `cells`: what came behind the answer's message. */
  readonly decode: (bytes: Buffer, cells: Buffer) => Response;
}

export type HBaseProtocol = ReturnType<typeof buildProtocol>;

const DEFINITION_FILES = [
  'Client.proto',
  'RPC.proto',
  'Master.proto',
  'Admin.proto',
  'ZooKeeper.proto',
  'ErrorHandling.proto',
];

let loaded: Promise<HBaseProtocol> | undefined;

/** The protocol, read once per process. */
export function loadProtocol(): Promise<HBaseProtocol> {
  loaded ??= readDefinitions().then(buildProtocol);
  return loaded;
}

async function readDefinitions(): Promise<Root> {
  const { default: protobuf } = await import('protobufjs');
  const libraryFolder = path.dirname(createRequire(import.meta.url).resolve('hbase-rpc-client/package.json'));
  const root = new protobuf.Root();
  root.resolvePath = (_origin, target) => path.join(libraryFolder, 'proto', path.basename(target));
  await root.load(DEFINITION_FILES);
  const additions = protobuf.parse(HBASE_2_DEFINITIONS, new protobuf.Root()).root;
  for (const addition of [...additions.nestedArray]) {
    const known = root.get(addition.name);
    additions.remove(addition);
    if (known instanceof protobuf.Type && addition instanceof protobuf.Type) addFields(known, addition);
    else if (known instanceof protobuf.Service && addition instanceof protobuf.Service)
      addCalls(known, addition);
    else root.add(addition);
  }
  root.resolveAll();
  return root;
}

function addFields(known: Type, addition: Type): void {
  for (const field of [...addition.fieldsArray]) {
    addition.remove(field);
    known.add(field);
  }
}

function addCalls(known: Service, addition: Service): void {
  for (const call of [...addition.methodsArray]) {
    addition.remove(call);
    known.add(call);
  }
}

function buildProtocol(root: Root) {
  const message = <Message>(name: string): MessageCodec<Message> => codecOf<Message>(root.lookupType(name));
  const call = <Request, Response>(service: ServiceName, name: string): RpcMethod<Request, Response> => {
    const definition = root.lookupService(service).methods[name];
    if (!definition?.resolvedRequestType || !definition.resolvedResponseType) {
      throw new Error(
        `hbase-rpc-client does not define ${service}.${name}: is its version the one in package.json?`,
      );
    }
    return {
      service,
      name,
      encode: codecOf<Request>(definition.resolvedRequestType).encode,
      decode: codecOf<Response>(definition.resolvedResponseType).decode,
    };
  };
  const callWithCells = <Request, Response>(
    service: ServiceName,
    name: string,
  ): RpcMethod<Request, messages.WithCells<Response>> => {
    const method = call<Request, Response>(service, name);
    return { ...method, decode: (bytes, cells) => ({ message: method.decode(bytes, cells), cells }) };
  };
  const started = <Request>(name: string) => call<Request, master.ProcedureStarted>('MasterService', name);
  return {
    connectionHeader: message<messages.ConnectionHeader>('ConnectionHeader'),
    requestHeader: message<messages.RequestHeader>('RequestHeader'),
    responseHeader: message<messages.ResponseHeader>('ResponseHeader'),
    regionInfo: message<messages.RegionInfoMessage>('RegionInfo'),
    metaRegionServer: message<messages.MetaRegionServer>('MetaRegionServer'),
    masterNode: message<messages.MasterNode>('Master'),

    get: callWithCells<messages.GetRequest, messages.GetResponse>('ClientService', 'Get'),
    scan: callWithCells<messages.ScanRequest, messages.ScanResponse>('ClientService', 'Scan'),
    mutate: callWithCells<messages.MutateRequest, messages.MutateResponse>('ClientService', 'Mutate'),
    multi: call<messages.MultiRequest, messages.MultiResponse>('ClientService', 'Multi'),
    /** The request is written by `exec-service.ts`. */
    execService: call<never, messages.CoprocessorServiceResponse>('ClientService', 'ExecService'),

    flushRegion: call<master.FlushRegionRequest, object>('AdminService', 'FlushRegion'),
    compactRegion: call<master.CompactRegionRequest, object>('AdminService', 'CompactRegion'),
    compactionState: call<master.CompactionStateRequest, master.CompactionStateResponse>(
      'AdminService',
      'GetRegionInfo',
    ),

    createNamespace: started<master.CreateNamespaceRequest>('CreateNamespace'),
    createTable: started<master.CreateTableRequest>('CreateTable'),
    modifyTable: started<master.ModifyTableRequest>('ModifyTable'),
    enableTable: started<master.TableRequest>('EnableTable'),
    disableTable: started<master.TableRequest>('DisableTable'),
    deleteTable: started<master.TableRequest>('DeleteTable'),
    truncateTable: started<master.TruncateTableRequest>('truncateTable'),
    splitRegion: started<master.SplitRegionRequest>('SplitRegion'),
    moveRegion: call<master.MoveRegionRequest, object>('MasterService', 'MoveRegion'),
    listNamespaces: call<object, master.ListNamespacesResponse>('MasterService', 'ListNamespaces'),
    getTableDescriptors: call<master.GetTableDescriptorsRequest, master.GetTableDescriptorsResponse>(
      'MasterService',
      'GetTableDescriptors',
    ),
    getTableState: call<{ readonly tableName: messages.TableNameMessage }, master.GetTableStateResponse>(
      'MasterService',
      'GetTableState',
    ),
    getClusterStatus: call<object, master.GetClusterStatusResponse>('MasterService', 'GetClusterStatus'),
    getProcedureResult: call<master.ProcedureStarted, master.GetProcedureResultResponse>(
      'MasterService',
      'getProcedureResult',
    ),
  };
}

/** The one place where the untyped messages of protobufjs become ours: the definitions say what the interfaces say. */
function codecOf<Message>(type: Type): MessageCodec<Message> {
  return {
    encode: (message) => type.encode(message as Record<string, unknown>).finish() as Buffer,
    decode: (bytes) => type.decode(bytes) as unknown as Message,
  };
}
