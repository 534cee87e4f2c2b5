/** `npm run engines -- NAME start` of an engine of which only the port is chosen. */
import type { Command } from 'commander';
import type { EngineRecord } from './engine-record.ts';
import type { EngineCommand, Progress } from './engine.ts';
import { whole } from './whole-number.ts';

const PORT_MAX = 65_535;

export interface PortCommandOptions extends Pick<EngineCommand, 'name' | 'summary'> {
  /** Where people expect it. */
  readonly port: number;
  /** What it leaves running. */
  readonly start: (options: {
    readonly port: number;
    readonly dataDirectory: string;
    readonly progress: Progress;
  }) => Promise<{ readonly record: EngineRecord }>;
}

export function portCommand({ name, summary, port: usual, start }: PortCommandOptions): EngineCommand {
  return {
    name,
    summary,
    addOptions: (command: Command) =>
      command.option('--port <port>', 'where clients find it', whole(1, PORT_MAX), usual),
    startDetached: async (dataDirectory, options, progress) => {
      const { port } = options as unknown as { readonly port: number };
      return (await start({ port, dataDirectory, progress })).record;
    },
  };
}
