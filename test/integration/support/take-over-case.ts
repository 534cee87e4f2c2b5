/** Every kind of take-over, and what the standards and our own promises say must come of each. */
import { MQTT_3_1_1, MQTT_5, type Version } from './versions.ts';

export type WillKind = 'none' | 'at once' | 'delayed';

export interface TakeOverCase {
  readonly name: string;
  readonly version: Version;
  /** Whether what is in flight reached the broker before the CONNECT that takes over, or leaves right behind it. */
  readonly order: 'before' | 'after';
  /** The session outlives its connection. */
  readonly lasting: boolean;
  /** Of the CONNECT that takes over. */
  readonly cleanStart: boolean;
  readonly will: WillKind;
  readonly qos: 0 | 1 | 2;
  readonly direction: 'to the client' | 'from the client';
}

/** What came of one. Messages are told by their payloads. */
export interface Observed {
  readonly sessionPresent: boolean;
  /** Reason of the DISCONNECT that the earlier connection got; undefined: it got none. */
  readonly farewell: number | undefined;
  /** What the client took, over both connections; QoS 2 by the rules of the standard. */
  readonly taken: readonly string[];
  /** What the broker acknowledged to the client for good: PUBACK, PUBCOMP. */
  readonly acknowledged: ReadonlySet<string>;
  /** What else went wrong, in words. */
  readonly problems: readonly string[];
}

/** How often. */
interface Bounds {
  readonly min: number;
  readonly max: number;
}

const ONCE: Bounds = { min: 1, max: 1 };
const NEVER: Bounds = { min: 0, max: 0 };
const PERHAPS: Bounds = { min: 0, max: 1 };

/** The message that is sent when the take-over is done. */
export const LAST = 'last';

/** What is on its way while the session is taken over; see `take-over.ts` for how far each has come. */
export const IN_FLIGHT = { 0: ['m1'], 1: ['m1', 'm2'], 2: ['m1', 'm2', 'm3'] } as const;

export const TAKE_OVERS: readonly TakeOverCase[] = [MQTT_3_1_1, MQTT_5].flatMap((version) =>
  (['before', 'after'] as const).flatMap((order) =>
    [false, true].flatMap((lasting) =>
      [false, true].flatMap((cleanStart) =>
        willsOf(version).flatMap((will) =>
          ([0, 1, 2] as const).flatMap((qos) =>
            (['to the client', 'from the client'] as const).map((direction) => {
              const parts = { version, order, lasting, cleanStart, will, qos, direction };
              return { name: nameOf(parts), ...parts };
            }),
          ),
        ),
      ),
    ),
  ),
);

function willsOf({ level }: Version): readonly WillKind[] {
  return level === 5 ? ['none', 'at once', 'delayed'] : ['none', 'at once'];
}

function nameOf(parts: Omit<TakeOverCase, 'name'>): string {
  const { version, order, lasting, cleanStart, will, qos, direction } = parts;
  return [
    version.version,
    lasting ? 'lasting session' : 'session of its connection',
    cleanStart ? 'clean start' : 'no clean start',
    will === 'none' ? 'no will' : `will ${will}`,
    `QoS ${qos} ${direction} ${order} CONNECT`,
  ].join(', ');
}

/** [MQTT-3.1.2-4 to 6] */
export function isResumed({ lasting, cleanStart }: TakeOverCase): boolean {
  return lasting && !cleanStart;
}

/**
 * Everything that is wrong, in words; none: as it should be. `seen`: how often somebody who watches the topics of the client
 * got each of its messages and its will.
 */
export function problemsOf(
  take: TakeOverCase,
  observed: Observed,
  seen: (topic: 'out' | 'will', payload: string) => number,
): string[] {
  const problems = [...observed.problems];
  const check = (what: string, count: number, { min, max }: Bounds): void => {
    if (count < min || count > max) problems.push(`${what}: ${count} times, not ${min} to ${max}`);
  };
  if (observed.sessionPresent !== isResumed(take))
    problems.push(`session present: ${observed.sessionPresent}`);
  const farewell = take.version.level === 5 ? 0x8e : undefined;
  if (observed.farewell !== farewell) problems.push(`the earlier connection was told ${observed.farewell}`);
  check('the will', seen('will', 'will'), willsSent(take));
  for (const message of [...IN_FLIGHT[take.qos], LAST]) {
    if (take.direction === 'to the client')
      check(
        `${message} taken`,
        observed.taken.filter((one) => one === message).length,
        takenTimes(take, message),
      );
    else
      check(
        `${message} passed on`,
        seen('out', message),
        passedOnTimes(take, message, observed.acknowledged),
      );
  }
  return problems;
}

/**
 * MQTT 5, 3.1.2.5 and 3.1.3.2.2: the connection is closed without a DISCONNECT of the client; a delay runs until the session
 * ends, and a connection that resumes the session ends it without the will [MQTT-3.1.3-9].
 */
function willsSent(take: TakeOverCase): Bounds {
  if (take.will === 'none') return NEVER;
  return take.will === 'delayed' && isResumed(take) ? NEVER : ONCE;
}

function takenTimes(take: TakeOverCase, message: string): Bounds {
  const { qos, order } = take;
  // Without the session its subscription is gone.
  if (message === LAST) return isResumed(take) ? ONCE : NEVER;
  const reachedTheFirst = order === 'before' || message !== IN_FLIGHT[qos].at(-1);
  if (qos === 0 || !isResumed(take)) return reachedTheFirst ? ONCE : PERHAPS;
  if (qos === 2) return ONCE;
  if (order === 'after') return { min: 1, max: 2 };
  // m1 was acknowledged; m2 was not, so it comes again.
  return message === 'm1' ? ONCE : { min: 2, max: 2 };
}

function passedOnTimes(take: TakeOverCase, message: string, acknowledged: ReadonlySet<string>): Bounds {
  const { qos, order } = take;
  if (message === LAST) return ONCE;
  if (qos === 0) return order === 'before' ? ONCE : PERHAPS;
  if (qos === 2) return acknowledged.has(message) ? ONCE : PERHAPS;
  // m1 was acknowledged before. m2 is sent once more by a client that has not seen its PUBACK and whose session goes on.
  if (message === 'm1') return ONCE;
  return { min: acknowledged.has(message) ? 1 : 0, max: isResumed(take) ? 2 : 1 };
}
