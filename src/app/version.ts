/** The version of this program, as `package.json` states it. */
import { readFileSync } from 'node:fs';

/** Sources and built files lie at different depths below it. */
const CANDIDATES = ['../../package.json', '../../../package.json'];

export const VERSION = readVersion();

function readVersion(): string {
  for (const candidate of CANDIDATES) {
    const version = versionIn(new URL(candidate, import.meta.url));
    if (version !== undefined) return version;
  }
  throw new Error('package.json of spokemq was not found: install the package again');
}

function versionIn(file: URL): string | undefined {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (content === null || typeof content !== 'object') return undefined;
    if (Reflect.get(content, 'name') !== 'spokemq') return undefined;
    return String(Reflect.get(content, 'version'));
  } catch {
    return undefined;
  }
}
