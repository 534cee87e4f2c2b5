/** Runs real commands in this process with captured output and a signal source the test holds. */
import type { CliContext } from '../../../src/cli/cli-context.ts';
import type { StartBroker } from '../../../src/app/running-broker.ts';
import type { StartMetadata } from '../../../src/app/running-metadata.ts';
import { runCli } from '../../../src/cli/program.ts';

export interface CliRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliSetting {
  readonly directory: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly startBroker?: StartBroker;
  readonly startMetadata?: StartMetadata;
  readonly terminal?: boolean;
}

export class CliHarness {
  readonly exits: number[] = [];
  out = '';
  err = '';
  readonly #setting: CliSetting;
  readonly #hungUp = new Set<() => void>();
  readonly #signalled = new Set<(signal: string) => void>();

  constructor(setting: CliSetting) {
    this.#setting = setting;
  }

  async run(...args: readonly string[]): Promise<CliRun> {
    const [outBefore, errBefore] = [this.out.length, this.err.length];
    const code = await runCli(args, this.#context());
    return { code, out: this.out.slice(outBefore), err: this.err.slice(errBefore) };
  }

  signal(name: string): void {
    for (const callback of this.#signalled) callback(name);
  }

  hangUp(): void {
    for (const callback of this.#hungUp) callback();
  }

  get listensForSignals(): boolean {
    return this.#signalled.size + this.#hungUp.size > 0;
  }

  #context(): CliContext {
    const { directory, environment, stdin, startBroker, startMetadata, terminal } = this.#setting;
    return {
      stdout: { write: (text) => (this.out += text), isTerminal: terminal ?? false, isClosed: false },
      stderr: { write: (text) => (this.err += text), isTerminal: terminal ?? false, isClosed: false },
      environment: environment ?? {},
      workingDirectory: directory,
      user: 'tester@here',
      readStdin: () => Promise.resolve(stdin ?? ''),
      askSecret: () => Promise.resolve(undefined),
      onStopSignal: (callback) => {
        this.#signalled.add(callback);
        return () => void this.#signalled.delete(callback);
      },
      onReloadSignal: (callback) => {
        this.#hungUp.add(callback);
        return () => void this.#hungUp.delete(callback);
      },
      exit: (code) => void this.exits.push(code),
      loadBroker: () =>
        startBroker === undefined
          ? Promise.reject(new Error('no broker in this test'))
          : Promise.resolve(startBroker),
      loadMetadata: () =>
        startMetadata === undefined
          ? Promise.reject(new Error('no metadata service in this test'))
          : Promise.resolve(startMetadata),
    };
  }
}
