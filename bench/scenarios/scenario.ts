/**
 * What a scenario is: a list of variants, each measured on a freshly started broker and giving one row of the table.
 */
import type { RunningBroker } from '../brokers/launch.ts';
import type { DriverPool } from '../driver/driver-pool.ts';
import type { BenchOptions } from '../options.ts';

/** A named stretch of time, so that a CPU profile can be cut to it; monotonic milliseconds. */
export interface Phase {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Bench {
  readonly broker: RunningBroker;
  readonly drivers: DriverPool;
  readonly options: BenchOptions;
  /** One line of progress. */
  readonly log: (line: string) => void;
  readonly phase: (phase: Phase) => void;
}

export interface Column {
  readonly key: string;
  readonly title: string;
  /** Digits after the decimal point. */
  readonly digits: number;
}

export interface Plot {
  /** File name without extension. */
  readonly file: string;
  readonly title: string;
  /** Column that is plotted. */
  readonly figure: string;
  /** Column along the x axis (logarithmic); undefined: one group of bars per variant. */
  readonly along?: string;
}

export type Figures = Readonly<Record<string, number>>;

export interface Measurement {
  readonly figures: Figures;
  /** What a reader must know to read the figures; empty when there is nothing. */
  readonly note: string;
}

export interface Variant {
  readonly name: string;
  measure(bench: Bench): Promise<Measurement>;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly plots: readonly Plot[];
  variants(options: BenchOptions): Variant[];
}

export interface Row extends Measurement {
  readonly scenario: string;
  readonly broker: string;
  readonly variant: string;
}
