/**
 * What the bench process asks of a driver process, and what it gets back: the contract of their IPC channel. Everything
 * here survives structured clone.
 */
import type { Expectation } from './delivery-tally.ts';
import type { Qos } from './wire.ts';

export interface ClientPlan {
  readonly clientId: string;
  /** Subscribed after CONNACK, in one SUBSCRIBE; empty for publishers and for sessions that resume. */
  readonly filters: readonly string[];
}

export interface OpenParams {
  /** Name under which later calls find these clients; opening more adds to the group. */
  readonly group: string;
  readonly port: number;
  readonly clients: readonly ClientPlan[];
  readonly cleanSession: boolean;
  /** Of all of them; default: none. */
  readonly userName?: string;
  readonly qos: Qos;
}

export interface CloseParams {
  readonly group: string;
  readonly port: number;
  /** Also ends the sessions, by one more connection with clean session = 1 and no user name. */
  readonly forget: boolean;
}

export interface SubscribeParams {
  readonly group: string;
  /** One entry per client of the group, in order. */
  readonly filtersByClient: readonly (readonly string[])[];
  readonly filtersPerPacket: number;
  readonly qos: Qos;
}

export interface TrafficParams {
  /** Tells the messages of this run from leftovers of earlier ones. */
  readonly run: number;
  readonly publisherGroup: string;
  /** Undefined: nobody listens, nothing is expected to arrive. */
  readonly subscriberGroup: string | undefined;
  readonly expectation: Expectation;
  /** One flow each, dealt to the publishers in turn. */
  readonly topics: readonly string[];
  readonly qos: Qos;
  readonly payloadBytes: number;
  /** Messages per second of all publishers together; undefined: as fast as the broker acknowledges. */
  readonly ratePerSecond: number | undefined;
  readonly inFlightMaxPerPublisher: number;
  /** Messages of all publishers together; undefined: until the window ends. */
  readonly messagesMax: number | undefined;
  /** Monotonic milliseconds. */
  readonly startMs: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
  /** How long after the window messages and acknowledgements may still arrive before they count as lost. */
  readonly graceMs: number;
}

export interface TrafficResult {
  readonly sent: number;
  readonly acknowledged: number;
  readonly acknowledgedInWindow: number;
  readonly delivered: number;
  readonly deliveredInWindow: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
  readonly misdelivered: number;
  /** Bucket counts of a LatencyHistogram. */
  readonly latencyCounts: Float64Array;
  /** From the start of the window until it ended or `messagesMax` were acknowledged. */
  readonly windowMs: number;
  /** CPU time of the driver process during the window. */
  readonly driverCpuMs: number;
  readonly failures: readonly string[];
}

export interface DrainParams extends OpenParams {
  readonly timeoutMs: number;
}

export interface DrainResult {
  readonly expected: number;
  readonly delivered: number;
  readonly duplicated: number;
  readonly reordered: number;
  /** From the first CONNECT until the broker had handled the last acknowledgement. */
  readonly elapsedMs: number;
  readonly driverCpuMs: number;
  readonly failures: readonly string[];
}

/** The clients of a group dial again when their connections break, each at once. */
export interface ReconnectParams {
  readonly group: string;
  /** Client i begins with port i mod their number and goes on to the next one when that does not take it. */
  readonly ports: readonly number[];
  /** Between an attempt that failed and the next one, on average. */
  readonly retryMs: number;
  /** Monotonic milliseconds after which nobody dials any more. */
  readonly giveUpMs: number;
}

export interface ReconnectResult {
  /** Monotonic milliseconds of the CONNACKs, of clients that have come back. */
  readonly connectedAtMs: Float64Array;
  readonly failedAttempts: number;
  /** Clients for which the broker that took them had no session. */
  readonly sessionsMissing: number;
  /** Of the first few attempts. */
  readonly failures: readonly string[];
}

export interface Elapsed {
  readonly elapsedMs: number;
}

/** Every call: its parameters and its answer. */
export interface DriverCalls {
  readonly open: { readonly params: OpenParams; readonly result: Elapsed };
  readonly close: { readonly params: CloseParams; readonly result: Elapsed };
  readonly subscribe: { readonly params: SubscribeParams; readonly result: Elapsed };
  readonly traffic: { readonly params: TrafficParams; readonly result: TrafficResult };
  /** Resumes the sessions of the preceding `traffic` call's flows, session i owning flow i, and takes what is queued. */
  readonly drain: { readonly params: DrainParams; readonly result: DrainResult };
  /** Resolves when all are connected again, or it is time to give up. */
  readonly reconnect: { readonly params: ReconnectParams; readonly result: ReconnectResult };
}

export type CallName = keyof DriverCalls;

export interface CallMessage<Name extends CallName = CallName> {
  readonly id: number;
  readonly name: Name;
  readonly params: DriverCalls[Name]['params'];
}

export type ReplyMessage =
  | { readonly id: number; readonly ok: true; readonly result: DriverCalls[CallName]['result'] }
  | { readonly id: number; readonly ok: false; readonly error: string };
