/** The real outside world of a command: this process, its streams and its signals. */
import { hostname, userInfo } from 'node:os';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import type { CliContext, TextOutput } from './cli-context.ts';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** `programs`: how to load what only one command runs. */
export function nodeContext(programs: Pick<CliContext, 'loadBroker' | 'loadMetadata'>): CliContext {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    environment: process.env,
    workingDirectory: process.cwd(),
    user: `${userName()}@${hostname()}`,
    readStdin: () => text(process.stdin),
    askSecret,
    onStopSignal(callback) {
      for (const signal of STOP_SIGNALS) process.on(signal, callback);
      return () => {
        for (const signal of STOP_SIGNALS) process.off(signal, callback);
      };
    },
    onReloadSignal(callback) {
      process.on('SIGHUP', callback);
      return () => process.off('SIGHUP', callback);
    },
    exit: (code) => process.exit(code),
    ...programs,
  };
}

/** In a container the user need not have a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}

function outputOf(stream: NodeJS.WriteStream): TextOutput {
  // Whoever read us has seen enough (`spoke events tail | head`), or lost its interest in a broker's log; the
  // stream is destroyed then and takes no more. A broker has to outlive that.
  stream.on('error', () => undefined);
  return {
    write: (chunk) => stream.write(chunk),
    isTerminal: stream.isTTY,
    get isClosed() {
      return stream.destroyed;
    },
  };
}

async function askSecret(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY) return undefined;
  process.stderr.write(question);
  const silent = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
