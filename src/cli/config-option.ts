/** `--config FILE`, the option of every command that needs the configuration. */
import { Option } from 'commander';
import { loadConfig } from '../app/config.ts';
import type { LoadedConfig } from '../app/config.ts';
import type { CliContext } from './cli-context.ts';

export interface ConfigOption {
  readonly config?: string;
}

export function configOption(): Option {
  return new Option(
    '-c, --config <file>',
    'configuration file (default: SPOKE_CONFIG, else ./spokemq.yaml if present)',
  );
}

/** Warnings go to standard error; problems are thrown as `ConfigError`. */
export function configOf(options: ConfigOption, context: CliContext): LoadedConfig {
  const loaded = loadConfig({
    file: options.config,
    environment: context.environment,
    workingDirectory: context.workingDirectory,
  });
  for (const warning of loaded.warnings) context.stderr.write(`warning: ${warning}\n`);
  return loaded;
}
