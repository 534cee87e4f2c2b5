/** Shows how far a replay is: one line rewritten on a terminal, a new line every few seconds elsewhere. */
import type { FleetProgress } from './fleet-run.ts';

export interface ProgressOutput {
  write(text: string): unknown;
  readonly isTerminal: boolean;
}

const LINE_INTERVAL_MS = 5_000;
const CLEAR_LINE = '\r\u001b[2K';

export class ProgressLine {
  readonly #output: ProgressOutput;
  #shownMs = Number.NEGATIVE_INFINITY;
  #phase: FleetProgress['phase'] | undefined;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  show(progress: FleetProgress): void {
    if (this.#output.isTerminal) {
      this.#output.write(CLEAR_LINE + formatProgress(progress));
      return;
    }
    const due = progress.elapsedMs - this.#shownMs >= LINE_INTERVAL_MS;
    if (!due && progress.phase === this.#phase) return;
    this.#shownMs = progress.elapsedMs;
    this.#phase = progress.phase;
    this.#output.write(`${formatProgress(progress)}\n`);
  }

  /** Leaves the terminal's line empty for what follows. */
  clear(): void {
    if (this.#output.isTerminal) this.#output.write(CLEAR_LINE);
  }
}

export function formatProgress(progress: FleetProgress): string {
  const time = `${(progress.elapsedMs / 1_000).toFixed(0)} of ~${(progress.durationMs / 1_000).toFixed(0)} s`;
  return [
    `${progress.phase.padEnd(8)} ${time}`,
    `${progress.online}/${progress.clients} online`,
    `${progress.published} published`,
    `${progress.acknowledged} acknowledged`,
    `${progress.delivered} delivered`,
    `${progress.owed} on their way`,
    `${progress.kills} kills`,
  ].join(' · ');
}
