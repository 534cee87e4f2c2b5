/**
 * One process of the cluster: started again when it ends, at first after a second, later with longer pauses, unless it is to
 * stay down. It knows what was asked for and what came by itself.
 */
import type { ServerProcess } from '../server-process.ts';
import type { MemberEvent, MemberKind, MemberPorts, MemberState } from './cluster-member.ts';

export interface SupervisedPlan {
  readonly name: string;
  readonly kind: MemberKind;
  readonly server: ServerProcess;
  readonly ports: MemberPorts;
  readonly adminUrl?: string;
  /** One real call. Rejects when it is not answered as it should be. */
  readonly call: () => Promise<void>;
}

const PAUSE_MS_MIN = 1_000;
const PAUSE_MS_MAX = 30_000;
/** Who has lived so long, or ended as asked, starts with the shortest pause again. */
const STABLE_MS = 60_000;

export class SupervisedProcess {
  readonly plan: SupervisedPlan;
  readonly #tell: (event: MemberEvent) => void;
  #supervised = false;
  #held = false;
  #stopped = false;
  /** Somebody wants it to end, or has just asked for it. */
  #asked = false;
  #starts: number;
  #pauseMs = PAUSE_MS_MIN;
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;

  /** The process may be running already. */
  constructor(plan: SupervisedPlan, tell: (event: MemberEvent) => void) {
    this.plan = plan;
    this.#tell = tell;
    this.#starts = plan.server.isRunning ? 1 : 0;
    plan.server.onEnd((how) => this.#ended(how));
  }

  get state(): MemberState {
    if (this.plan.server.isRunning) return 'running';
    if (this.#stopped) return 'stopped';
    return this.#timer === undefined && this.#starting === undefined ? 'held' : 'waiting';
  }

  get starts(): number {
    return this.#starts;
  }

  /** From now on it is started again when it ends by itself, or is killed. */
  supervise(): void {
    this.#supervised = true;
  }

  /** It stays down from its next end on. */
  hold(): void {
    this.#held = true;
    this.#cancel();
  }

  /** Starts what is down, at once. Resolves when the process exists. */
  async startAgain(): Promise<void> {
    this.#held = false;
    this.#stopped = false;
    this.#pauseMs = PAUSE_MS_MIN;
    this.#cancel();
    if (!this.plan.server.isRunning) await this.#start(true);
  }

  /** Resolves when the process is gone. */
  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#starting?.catch(() => undefined);
    if (!this.plan.server.isRunning) return;
    this.#asked = true;
    await (signal === 'SIGTERM' ? this.plan.server.stop() : this.plan.server.kill());
  }

  /** As `end`, and for good: only `startAgain` brings it back. */
  async stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.end(signal);
  }

  async #start(asked: boolean): Promise<void> {
    this.#starting ??= this.#startOnce(asked).finally(() => (this.#starting = undefined));
    await this.#starting;
  }

  async #startOnce(asked: boolean): Promise<void> {
    await this.plan.server.start();
    this.#starts++;
    this.#report('started', this.plan.server.pid, asked, undefined);
  }

  #ended(how: string): void {
    const asked = this.#asked;
    this.#asked = false;
    this.#report('ended', this.plan.server.pid, asked, how);
    if (asked || Date.now() - this.plan.server.startedAt.getTime() > STABLE_MS) this.#pauseMs = PAUSE_MS_MIN;
    this.#scheduleStart();
  }

  #scheduleStart(): void {
    if (!this.#supervised || this.#held || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      // A process that cannot even be made (no memory, no process ids) is tried again like one that ended.
      this.#start(false).catch(() => this.#scheduleStart());
    }, this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(PAUSE_MS_MAX, 2 * this.#pauseMs);
  }

  #cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #report(type: MemberEvent['type'], pid: number, asked: boolean, how: string | undefined): void {
    this.#tell({ type, name: this.plan.name, pid, atMs: performance.now(), asked, how });
  }
}
