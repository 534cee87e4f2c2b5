/** What a pass has found and done, for people and, as it is, for programs. */
import { type Difference, differenceText } from './verify/difference.ts';

/** Differences that are listed one by one; all are counted. */
export const DIFFERENCES_LISTED_MAX = 100;

export interface VerificationSummary {
  rows: number;
  records: number;
  /** Of these: of a later release, or not of SpokeMQ. They are proved byte for byte like the others, and nobody can say what they mean. */
  undecodable: number;
  /** Rows that are right although the log has lost what they were made of. */
  overruled: number;
  /** When the snapshot was looked at first. */
  differences: number;
  /** When it was looked at last. */
  differencesLeft: number;
  /** Some of those that were found. */
  listed: Difference[];
}

export interface Summary {
  readonly dryRun: boolean;
  durationMs: number;
  readonly fold: {
    partitions: number;
    snapshotRows: number;
    tailRecords: number;
    /** Rows that were left out: damaged. */
    unreadableRows: number;
  };
  readonly sessions: {
    known: number;
    connected: number;
    expired: number;
    /** Of the expired ones: those whose end counted. */
    ended: number;
    /** Of the expired ones: somebody was faster. */
    resumed: number;
    /** Of the expired ones: the log does not say what the snapshot says, so nothing was done. */
    unconfirmed: number;
    /** Expired too: a will or shared messages are left, which a broker gives away. */
    leftToBrokers: number;
  };
  readonly subscriptions: { known: number; /** Of a session that is no more. */ foreign: number };
  readonly queues: {
    listed: number;
    /** Sessions that have queues and are not on the log. */
    orphanedSessions: number;
    /** Sessions that have queues, are on the log and not in the snapshot: nothing was done. */
    unconfirmed: number;
    /** Calls that dropped a queue, of ended and of orphaned sessions. */
    dropped: number;
  };
  readonly tombstones: { forgotten: number };
  /** undefined: not asked for. */
  verification: VerificationSummary | undefined;
}

export function newSummary(dryRun: boolean): Summary {
  return {
    dryRun,
    durationMs: 0,
    fold: { partitions: 0, snapshotRows: 0, tailRecords: 0, unreadableRows: 0 },
    sessions: { known: 0, connected: 0, expired: 0, ended: 0, resumed: 0, unconfirmed: 0, leftToBrokers: 0 },
    subscriptions: { known: 0, foreign: 0 },
    queues: { listed: 0, orphanedSessions: 0, unconfirmed: 0, dropped: 0 },
    tombstones: { forgotten: 0 },
    verification: undefined,
  };
}

export function newVerificationSummary(): VerificationSummary {
  return {
    rows: 0,
    records: 0,
    undecodable: 0,
    overruled: 0,
    differences: 0,
    differencesLeft: 0,
    listed: [],
  };
}

export function summaryLines(summary: Summary): readonly string[] {
  const { dryRun, durationMs, fold, sessions, subscriptions, queues, tombstones, verification } = summary;
  return [
    `${dryRun ? 'Looked at' : 'Compacted'} ${fold.partitions} partitions in ${(durationMs / 1_000).toFixed(1)} s: ` +
      `${fold.snapshotRows} snapshot rows, ${fold.tailRecords} records behind them` +
      (fold.unreadableRows === 0 ? '' : `; ${fold.unreadableRows} rows cannot be read, see --verify`),
    `sessions       ${sessions.known} known, ${sessions.connected} connected, ${sessions.expired} expired` +
      (dryRun ? '' : `: ${sessions.ended} ended, ${sessions.resumed} resumed meanwhile`) +
      `; ${sessions.leftToBrokers} left to brokers`,
    ...unconfirmedLines(summary),
    `subscriptions  ${subscriptions.known} known, ${subscriptions.foreign} of sessions that are no more`,
    `queues         ${queues.listed} with messages, ${queues.orphanedSessions} sessions among theirs that are not on the log; ` +
      `${queues.dropped} dropped`,
    `tombstones     ${tombstones.forgotten} ${dryRun ? 'to be forgotten' : 'forgotten'}`,
    ...(verification === undefined ? [] : verificationLines(verification)),
  ];
}

function unconfirmedLines({ sessions, queues }: Summary): readonly string[] {
  if (sessions.unconfirmed + queues.unconfirmed === 0) return [];
  return [
    `unconfirmed    ${sessions.unconfirmed} expired sessions, queues of ${queues.unconfirmed} sessions: the log and the ` +
      'snapshot say different things of them, so they were left; --verify says which',
  ];
}

function verificationLines(found: VerificationSummary): readonly string[] {
  const more = found.differences - found.listed.length;
  return [
    `snapshot       ${found.rows} rows against ${found.records} records: ${found.differences} differences, ` +
      `${found.differencesLeft} left; ${found.overruled} overruled` +
      (found.undecodable === 0 ? '' : `; ${found.undecodable} records cannot be decoded by this release`),
    ...found.listed.map((difference) => `  ${differenceText(difference)}`),
    ...(more > 0 ? [`  and ${more} more`] : []),
  ];
}
