/**
 * Holds a cluster for the command: starts everything, does what the command asks for, logs what starts and ends. Everything
 * ends with the process that it is in.
 */
import type { Server } from 'node:net';
import { EngineError } from '../engine.ts';
import type { Progress } from '../engine.ts';
import { realDirectory } from '../places.ts';
import { makeClusterDirectory } from './cluster-directory.ts';
import type { MemberEvent } from './cluster-member.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { serveControl } from './control-socket.ts';
import type { ControlRequest, MemberReport } from './control-socket.ts';
import { RunningCluster } from './running-cluster.ts';

export interface HolderOptions extends Omit<ClusterOptions, 'progress'> {
  readonly directory: string;
  readonly progress: Progress;
  /** Takes lines. */
  readonly log: (line: string) => void;
  /** Somebody wants it to end before it is ready: nothing is worth waiting for. */
  readonly abandon: () => void;
}

export class ClusterHolder {
  readonly #options: HolderOptions;
  readonly #awaited = new Set<string>();
  #cluster: RunningCluster | undefined;
  #control: Server | undefined;
  #stopping: Promise<void> | undefined;
  /** What it is at. */
  #doing = '';
  #progress: Progress;
  #finish: () => void = () => undefined;
  /** Resolves when everything has been stopped, whoever wanted that. */
  readonly stopped = new Promise<void>((resolve) => (this.#finish = resolve));

  /** Resolves when everything is ready. */
  static async start(options: HolderOptions): Promise<ClusterHolder> {
    const holder = new ClusterHolder(options);
    await makeClusterDirectory(options);
    holder.#control = await serveControl(realDirectory(options.directory), (request, progress) =>
      holder.#obey(request, progress),
    );
    try {
      await holder.#startCluster();
    } catch (error) {
      holder.#control.close();
      throw error;
    }
    return holder;
  }

  private constructor(options: HolderOptions) {
    this.#options = options;
    this.#progress = options.progress;
  }

  /** Everybody as they are now. */
  async members(): Promise<readonly MemberReport[]> {
    const cluster = this.#running();
    return await Promise.all(
      cluster.members.map(async ({ pid, adminUrl, startedAt, ...member }) => ({
        ...member,
        ...(pid === undefined ? {} : { pid }),
        ...(adminUrl === undefined ? {} : { adminUrl }),
        startedAt: startedAt.toISOString(),
        ready: await cluster.isReady(member.name),
      })),
    );
  }

  async stop(progress: Progress): Promise<void> {
    this.#progress = progress;
    this.#stopping ??= this.#running().stop();
    await this.#stopping;
    // Once who asked for it has been told.
    this.#control?.close(() => this.#finish());
  }

  async #startCluster(): Promise<void> {
    const progress = (text: string) => {
      this.#doing = text;
      this.#progress(text);
    };
    this.#cluster = await RunningCluster.start({ ...this.#options, progress });
    this.#cluster.follow((event) => this.#logEvent(event));
  }

  async #obey(request: ControlRequest, progress: Progress): Promise<readonly MemberReport[]> {
    if (this.#cluster === undefined && request.command === 'stop') {
      // Once who asked for it has been told.
      setImmediate(this.#options.abandon);
      return [];
    }
    const cluster = this.#running();
    switch (request.command) {
      case 'status':
        break;
      case 'stop':
        await this.stop(progress);
        break;
      case 'kill':
        await cluster.kill(request.name, request);
        break;
      case 'restart':
        progress(`restarting ${request.name}`);
        await cluster.restart(request.name);
        progress(`waiting until ${request.name} is ready`);
        await cluster.waitReady(request.name);
        break;
    }
    return await this.members();
  }

  /** Throws an `EngineError` while it is not there yet. */
  #running(): RunningCluster {
    if (this.#cluster !== undefined) return this.#cluster;
    throw new EngineError(`The cluster is being started, and is at: ${this.#doing}.`);
  }

  #logEvent(event: MemberEvent): void {
    if (this.#stopping !== undefined) return;
    this.#log(eventText(event));
    if (event.type === 'started') void this.#logReadiness(event);
  }

  async #logReadiness({ name, atMs }: MemberEvent): Promise<void> {
    // It may end again and again before it is: one line says that it has come through.
    if (this.#awaited.has(name)) return;
    this.#awaited.add(name);
    try {
      await this.#running().waitReady(name);
      const seconds = ((performance.now() - atMs) / 1_000).toFixed(1);
      if (this.#stopping === undefined) this.#log(`${name} is ready, ${seconds} s after it was started`);
    } catch (error) {
      if (this.#stopping === undefined) this.#log(error instanceof Error ? error.message : String(error));
    } finally {
      this.#awaited.delete(name);
    }
  }

  #log(text: string): void {
    this.#options.log(`${new Date().toISOString()} ${text}`);
  }
}

function eventText({ type, name, pid, asked, how }: MemberEvent): string {
  const what = type === 'started' ? 'started' : `ended with ${how ?? 'nobody knows what'}`;
  return `${name} (process ${pid}) ${what}${asked ? ', as asked' : ''}`;
}
