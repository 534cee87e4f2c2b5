/** Finds Helm: on the path, or where `.ci/helm` builds it. */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PROJECT_DIRECTORY } from './deployment.ts';

/** undefined: there is none. */
export function helmBinary(): string | undefined {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    join(PROJECT_DIRECTORY, '.engines/cache/helm'),
  ];
  return folders.map((folder) => join(folder, 'helm')).find((file) => existsSync(file));
}
