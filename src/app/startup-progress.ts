/**
 * How the start of a broker goes: which phase it is in, how far, how long each took. Says so in the log at a bounded rate, and to
 * whoever asks.
 */
import type { StartupPhase, StartupPhaseName } from '../admin/admin-port.ts';
import type { BootstrapPhase } from '../metadata/bootstrap.ts';
import type { GaugeSource } from '../metrics/prometheus.ts';
import type { Clock, TimerHandle, Timers } from '../time/clock.ts';
import type { Logger } from './logging.ts';

/** Time between two lines in the log that say how far a phase is. */
const PROGRESS_EVERY_MS = 5_000;

interface Wording {
  readonly text: string;
  /** What is counted; undefined: nothing is. */
  readonly unit?: string;
}

const WORDING: Readonly<Record<StartupPhaseName, Wording>> = {
  stores: { text: 'opening stores' },
  sessionsSnapshot: { text: 'restoring sessions: snapshot', unit: 'rows' },
  sessionsTail: { text: 'restoring sessions: log', unit: 'records' },
  retainedSnapshot: { text: 'restoring retained messages: snapshot', unit: 'rows' },
  retainedTail: { text: 'restoring retained messages: log', unit: 'records' },
  peers: { text: 'joining the other brokers' },
  orphanedSessions: { text: 'closing sessions of a broker that died', unit: 'sessions' },
  orphanedQueues: { text: 'dropping queues of ended sessions', unit: 'queues' },
  listeners: { text: 'opening listeners' },
};

const PHASES_OF = {
  sessions: { snapshot: 'sessionsSnapshot', tail: 'sessionsTail' },
  retained: { snapshot: 'retainedSnapshot', tail: 'retainedTail' },
} as const satisfies Record<string, Record<BootstrapPhase, StartupPhaseName>>;

export type BootstrapObserver = (phase: BootstrapPhase, applied: number) => void;

interface Phase {
  readonly name: StartupPhaseName;
  readonly startedAtMs: number;
  endedAtMs: number | undefined;
  count: number | undefined;
}

export interface StartupProgressOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Pick<Logger, 'info'>;
}

export class StartupProgress {
  readonly #options: StartupProgressOptions;
  readonly #phases: Phase[] = [];
  #timer: TimerHandle | undefined;

  constructor(options: StartupProgressOptions) {
    this.#options = options;
    this.#logLater();
  }

  /** What is done, and what is being done, in order. */
  get phases(): readonly StartupPhase[] {
    return this.#phases.map((phase) => ({
      phase: phase.name,
      ms: this.#msOf(phase),
      count: phase.count,
      done: phase.endedAtMs !== undefined,
    }));
  }

  /** What the start is at, for people. */
  get reason(): string {
    const phase = this.#phases.at(-1);
    return phase === undefined ? 'starting' : reasonOf(phase);
  }

  readonly gauges: readonly GaugeSource[] = [
    {
      name: 'spoke_startup_phase_seconds',
      help: 'How long each phase of the start took, or has taken so far.',
      type: 'gauge',
      read: () =>
        this.#phases.map((phase) => ({ labels: { phase: phase.name }, value: this.#msOf(phase) / 1_000 })),
    },
    {
      name: 'spoke_startup_phase_items',
      help: 'Snapshot rows, log records, sessions or queues that a phase of the start went through.',
      type: 'gauge',
      read: () =>
        this.#phases.flatMap(({ name, count }) =>
          count === undefined ? [] : [{ labels: { phase: name }, value: count }],
        ),
    },
  ];

  /** Ends the phase before. */
  begin(name: StartupPhaseName): void {
    const nowMs = this.#options.clock.nowMs();
    this.#end(nowMs);
    const count = WORDING[name].unit === undefined ? undefined : 0;
    this.#phases.push({ name, startedAtMs: nowMs, endedAtMs: undefined, count });
  }

  /** Follows the restoring of one topic: what `bootstrap` calls on its way. */
  bootstrapOf(topic: 'sessions' | 'retained'): BootstrapObserver {
    return (phase, applied) => {
      const name = PHASES_OF[topic][phase];
      if (this.#phases.at(-1)?.name !== name) this.begin(name);
      this.reached(applied);
    };
  }

  /** Of the phase that was begun last: how much it has gone through. */
  reached(count: number): void {
    const phase = this.#phases.at(-1);
    if (phase !== undefined) phase.count = count;
  }

  /** The broker serves: the log gets how long each phase took, and what it went through. */
  succeeded(): void {
    this.stop();
    const phases = this.phases.map(({ phase, ms, count }) => ({ phase, ms, count }));
    const ms = phases.reduce((sum, each) => sum + each.ms, 0);
    this.#options.logger.info({ ms, phases }, 'everything is restored');
  }

  /** The start is over, whether it has led to anything or not. */
  stop(): void {
    this.#timer?.cancel();
    this.#end(this.#options.clock.nowMs());
  }

  #end(nowMs: number): void {
    const phase = this.#phases.at(-1);
    if (phase !== undefined) phase.endedAtMs ??= nowMs;
  }

  #msOf({ startedAtMs, endedAtMs }: Phase): number {
    return (endedAtMs ?? this.#options.clock.nowMs()) - startedAtMs;
  }

  #logLater(): void {
    const { timers, logger } = this.#options;
    this.#timer = timers.after(PROGRESS_EVERY_MS, () => {
      const phase = this.#phases.at(-1);
      if (phase !== undefined)
        logger.info({ phase: phase.name, ms: this.#msOf(phase), count: phase.count }, reasonOf(phase));
      this.#logLater();
    });
  }
}

function reasonOf({ name, count }: Phase): string {
  const { text, unit } = WORDING[name];
  return unit === undefined || count === undefined ? text : `${text}, ${count.toLocaleString('en')} ${unit}`;
}
