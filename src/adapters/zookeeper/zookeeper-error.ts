/** What ZooKeeper refuses, and what goes wrong on the way to it. */

export type ZooKeeperErrorCode =
  | 'NO_NODE'
  | 'NODE_EXISTS'
  /** ZooKeeper has forgotten the session, or this side has closed it: nothing is answered any more. */
  | 'SESSION_ENDED'
  /** Any other refusal; the message has ZooKeeper's number. */
  | 'REFUSED'
  /** Bytes that are not ZooKeeper's. */
  | 'PROTOCOL';

export class ZooKeeperError extends Error {
  override readonly name = 'ZooKeeperError';
  readonly code: ZooKeeperErrorCode;

  constructor(code: ZooKeeperErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

const CODES: Readonly<Record<number, ZooKeeperErrorCode>> = {
  [-101]: 'NO_NODE',
  [-110]: 'NODE_EXISTS',
  [-112]: 'SESSION_ENDED',
};

/** `number`: below 0, as an answer has it. */
export function refusal(number: number, what: string): ZooKeeperError {
  return new ZooKeeperError(CODES[number] ?? 'REFUSED', `ZooKeeper answers ${number} to ${what}`);
}
