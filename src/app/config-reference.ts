/** The configuration keys as Markdown tables: what `docs/configuration.md` holds and a test compares. */
import { configKeys, listenerKeys } from './config-keys.ts';
import type { ListenerKey } from './config-keys.ts';

export function configReference(): string {
  const keys = configKeys().map(({ name, type, fallback, description }) =>
    row(`\`${name}\``, type, name === 'listeners' ? 'see below' : valueText(fallback), description),
  );
  const listeners = listenerKeys().map((key) =>
    row(`\`${key.name}\``, key.type, listenerFallbacks(key), key.description),
  );
  return [
    ...titles('Key', 'Value', 'Default', 'What it does'),
    ...keys,
    '',
    'Each entry of `listeners` has a `transport` (`tcp`, `tls`, `ws` or `wss`) and these keys. Without',
    '`listeners` there are two, `tcp` and `ws`.',
    '',
    ...titles('Key', 'Value', 'Default', 'What it does'),
    ...listeners,
    '',
  ].join('\n');
}

function titles(...names: readonly string[]): readonly string[] {
  return [row(...names), row(...names.map(() => '---'))];
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** One default when all transports agree; else each transport with its own. */
function listenerFallbacks({ fallbacks }: ListenerKey): string {
  const texts = new Set(Array.from(fallbacks.values(), valueText));
  const transports = [...fallbacks.keys()].join(', ');
  if (texts.size === 1)
    return fallbacks.size === TRANSPORTS ? [...texts].join() : `${[...texts].join()} (${transports})`;
  return Array.from(fallbacks, ([transport, fallback]) => `${valueText(fallback)} (${transport})`).join(', ');
}

const TRANSPORTS = 4;

function valueText(value: unknown): string {
  if (value === undefined) return '–';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}
