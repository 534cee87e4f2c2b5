/** mosquitto_pub and mosquitto_sub; they speak no WebSocket. */
import { execFile } from 'node:child_process';
import { describeForeignClient, type ForeignClient, type ForeignSession } from './support/foreign-client.ts';
import { AUTHORITY_FILE } from './support/killable-broker.ts';

const SESSION_EXPIRY_S = 600;
const DEADLINE_MS = 20_000;

const mosquitto: ForeignClient = {
  // -E: leaves when it is subscribed.
  leaveSession: async (session) => {
    await run('mosquitto_sub', [...ofSession(session), '-E']);
  },

  publish: async ({ endpoint, level, clientId, topic }, payloads) => {
    const input = payloads.map((payload) => `${payload}\n`).join('');
    await run(
      'mosquitto_pub',
      [...ofConnection(endpoint, level, clientId), '-t', topic, '-q', '1', '-l'],
      input,
    );
  },

  receive: async (session, count) => {
    const output = await run('mosquitto_sub', [...ofSession(session), '-C', `${count}`]);
    return { sessionPresent: undefined, payloads: output.trimEnd().split('\n') };
  },
};

function ofSession({ endpoint, level, clientId, topic }: ForeignSession): string[] {
  // Version 2.0 has a session expiry for MQTT 5 only.
  const expiry = level === 5 ? ['-x', `${SESSION_EXPIRY_S}`] : [];
  return [...ofConnection(endpoint, level, clientId), '-c', ...expiry, '-t', topic, '-q', '1'];
}

function ofConnection(
  { transport, host, port }: ForeignSession['endpoint'],
  level: ForeignSession['level'],
  clientId: string,
): string[] {
  const version = level === 5 ? 'mqttv5' : 'mqttv311';
  const tls = transport === 'tls' ? ['--cafile', AUTHORITY_FILE] : [];
  return ['-h', host, '-p', `${port}`, '-V', version, '-i', clientId, ...tls];
}

/** Resolves to what the command prints. Rejects with what it says when it fails or takes too long. */
function run(command: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, { timeout: DEADLINE_MS }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')}: ${stderr || error.message}`, { cause: error }));
    });
    child.stdin?.end(input);
  });
}

describeForeignClient('mosquitto_pub and mosquitto_sub', ['tcp', 'tls'], () => Promise.resolve(mosquitto));
