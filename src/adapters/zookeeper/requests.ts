/**
 * The requests that membership needs, and how their answers read. Each may be sent again when its answer got lost.
 *
 *     frame    = length record
 *     request  = xid type body
 *     answer   = xid zxid err body        no body unless err is 0
 *     greeting = version zxid timeout session password readOnly
 *     welcome  = version timeout session password [readOnly]
 *     event    = -1 zxid err type state path
 */
import { bytes, FieldReader, flag, int, long, text } from './wire-fields.ts';
import { refusal } from './zookeeper-error.ts';

const CREATE = 1;
const GET_DATA = 4;
const SET_DATA = 5;
const GET_CHILDREN = 8;
const CHECK = 13;
const MULTI = 14;
const CLOSE_SESSION = -11;

const ANY_VERSION = -1;
const PERSISTENT = 0;
const EPHEMERAL = 1;
const ALL_RIGHTS = 31;
/** As all of HBase's nodes are without Kerberos: whoever reaches ZooKeeper may do everything. */
const OPEN_TO_ALL = Buffer.concat([int(1), int(ALL_RIGHTS), text('world'), text('anyone')]);
/** In front of the owner in a node's description: three longs of four, three versions. */
const STAT_BEFORE_OWNER_BYTES = 4 * 8 + 3 * 4;

/** Of an event, in place of the number of a request. */
export const EVENT_XID = -1;

export interface Request<Answer> {
  readonly type: number;
  readonly body: Buffer;
  /** For people. */
  readonly what: string;
  readonly read: (body: FieldReader) => Answer;
}

const nothing = (): void => undefined;

/** `ephemeral`: goes with the session that made it. Refused with `NODE_EXISTS`, and with `NO_NODE` when the parent is missing. */
export function createNode(path: string, data: Buffer, ephemeral: boolean): Request<void> {
  const body = [text(path), bytes(data), OPEN_TO_ALL, int(ephemeral ? EPHEMERAL : PERSISTENT)];
  return { type: CREATE, body: Buffer.concat(body), what: `making ${path}`, read: nothing };
}

export interface NodeContent {
  readonly data: Buffer;
  /** Session with which the node goes; 0: it stays. */
  readonly owner: bigint;
}

/** Tells the session once when the node changes or goes. */
export function readNode(path: string): Request<NodeContent> {
  return {
    type: GET_DATA,
    body: Buffer.concat([text(path), flag(true)]),
    what: `reading ${path}`,
    read: (body) => {
      const data = Buffer.from(body.bytes());
      body.skip(STAT_BEFORE_OWNER_BYTES);
      return { data, owner: body.long() };
    },
  };
}

export function writeNode(path: string, data: Buffer): Request<void> {
  const body = [text(path), bytes(data), int(ANY_VERSION)];
  return { type: SET_DATA, body: Buffer.concat(body), what: `writing ${path}`, read: nothing };
}

/** Tells the session once when a child comes or goes. */
export function listChildren(path: string): Request<readonly string[]> {
  return {
    type: GET_CHILDREN,
    body: Buffer.concat([text(path), flag(true)]),
    what: `listing ${path}`,
    read: (body) => body.texts(),
  };
}

/**
 * Changes nothing, but as a write does: it is answered only when a majority of the servers has agreed to it, and what this session reads
 * behind it is at least as new. Refused with `NO_NODE`.
 */
export function confirmNode(path: string): Request<void> {
  const end = [int(-1), flag(true), int(-1)];
  const check = [int(CHECK), flag(false), int(-1), text(path), int(ANY_VERSION)];
  const what = `confirming ${path}`;
  return {
    type: MULTI,
    body: Buffer.concat([...check, ...end]),
    what,
    read: (body) => {
      const type = body.int();
      body.skip(1);
      const error = body.int();
      if (type !== CHECK || error !== 0) throw refusal(error, what);
    },
  };
}

/** The last one: ZooKeeper forgets the session and removes its nodes. */
export function closeSession(): Request<void> {
  return { type: CLOSE_SESSION, body: Buffer.alloc(0), what: 'goodbye', read: nothing };
}

/** A session as ZooKeeper knows it again. */
export interface SessionTicket {
  /** 0: a new one, please. */
  readonly id: bigint;
  readonly password: Buffer;
  /** How long ZooKeeper keeps it without hearing of it. */
  readonly timeoutMs: number;
}

export function greeting({ id, password, timeoutMs }: SessionTicket, seenZxid: bigint): Buffer {
  const version = 0;
  const readOnly = false;
  return Buffer.concat([
    int(version),
    long(seenZxid),
    int(timeoutMs),
    long(id),
    bytes(password),
    flag(readOnly),
  ]);
}

/** undefined: there is no such session any more. */
export function welcome(record: Buffer): SessionTicket | undefined {
  const body = new FieldReader(record);
  body.int();
  const timeoutMs = body.int();
  const ticket = { id: body.long(), password: Buffer.from(body.bytes()), timeoutMs };
  return timeoutMs > 0 ? ticket : undefined;
}
