/**
 * Asks a URL about a login: POST with JSON, so many at a time, an answer within a time and of a size, or none. Redirects are not followed, and
 * no error says anything of who logs in.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Credentials } from '../../auth/authenticator.ts';
import type { AskWebhook, WebhookAnswer } from '../../auth/webhook-authenticator.ts';
import { StoreUnavailableError } from '../../errors/store-unavailable-error.ts';
import { parseAnswer, questionText } from './webhook-format.ts';

export interface WebhookOptions {
  readonly url: string;
  /** Besides what every request has. */
  readonly headers: Readonly<Record<string, string>>;
  /** From the login's question to its answer, waiting for its turn included. */
  readonly timeoutMs: number;
  /** At a time, each on a connection of its own. */
  readonly requestsMax: number;
  readonly waitingMax: number;
  readonly answerBytesMax: number;
  /** For https. */
  readonly tls: {
    readonly ca?: Buffer | undefined;
    readonly cert?: Buffer | undefined;
    readonly key?: Buffer | undefined;
  };
}

/** A connection that nothing was asked on for so long is closed. */
const IDLE_MS = 30_000;
/** What a request fails with whose connection was closed before. */
const STALE: readonly string[] = ['ECONNRESET', 'EPIPE'];

export class Webhook {
  requests = 0;
  failures = 0;
  readonly #options: WebhookOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #waiting = new Set<() => void>();
  #underWay = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
    const { requestsMax, tls } = options;
    const connections = { keepAlive: true, maxSockets: requestsMax, timeout: IDLE_MS };
    this.#agent = isHttps(options.url)
      ? new HttpsAgent({ ...connections, ...tls })
      : new HttpAgent(connections);
  }

  /** Logins that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size;
  }

  readonly ask: AskWebhook = async (credentials) => {
    const { url, timeoutMs } = this.#options;
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      await this.#enter(deadline);
      try {
        return await this.#question(credentials, deadline);
      } finally {
        this.#leave();
      }
    } catch (error) {
      this.failures++;
      const what = deadline.aborted ? `no answer within ${timeoutMs} ms` : reasonOf(error);
      // Not the error itself as the cause: it may carry the request.
      throw new StoreUnavailableError(`The webhook at ${new URL(url).host}`, `see whether it runs (${what})`);
    }
  };

  close(): void {
    this.#agent.destroy();
  }

  /**
   * A connection that was kept open may be closed by the other end at the moment that it is used again: then the question goes out on
   * another one, and on a new one when none is left.
   */
  async #question(credentials: Credentials, signal: AbortSignal): Promise<WebhookAnswer> {
    this.requests++;
    const body = Buffer.from(questionText(credentials));
    for (;;) {
      const answer = await this.#request(body, signal);
      if (answer !== 'stale') return answer;
    }
  }

  #request(body: Buffer, signal: AbortSignal): Promise<WebhookAnswer | 'stale'> {
    const { url, headers, answerBytesMax } = this.#options;
    return new Promise((resolve, reject) => {
      const request = (isHttps(url) ? httpsRequest : httpRequest)(url, {
        method: 'POST',
        agent: this.#agent,
        signal,
        headers: {
          accept: 'application/json',
          ...headers,
          'content-type': 'application/json',
          'content-length': body.length,
        },
      });
      let isAnswered = false;
      request.on('error', (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && !isAnswered && STALE.includes(error.code ?? '');
        if (isStale && !signal.aborted) resolve('stale');
        else reject(error);
      });
      request.on('response', (response) => {
        isAnswered = true;
        read(response, answerBytesMax).then(resolve, (error: unknown) => {
          request.destroy();
          reject(error instanceof Error ? error : new Error(String(error)));
        });
      });
      request.end(body);
    });
  }

  /** Rejects when the deadline passes before it is its turn, or when too many wait. */
  async #enter(deadline: AbortSignal): Promise<void> {
    const { requestsMax, waitingMax } = this.#options;
    if (this.#underWay < requestsMax) {
      this.#underWay++;
      return;
    }
    if (this.#waiting.size >= waitingMax) throw new Error('too many wait for it: try again later');
    await new Promise<void>((resolve, reject) => {
      const admitted = (): void => {
        deadline.removeEventListener('abort', late);
        resolve();
      };
      const late = (): void => {
        this.#waiting.delete(admitted);
        reject(new Error('late'));
      };
      deadline.addEventListener('abort', late, { once: true });
      this.#waiting.add(admitted);
    });
  }

  /** Hands the place on, or frees it. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#underWay--;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

/** Rejects when the answer is too long, or none of success. */
async function read(response: IncomingMessage, bytesMax: number): Promise<WebhookAnswer> {
  const { statusCode } = response;
  // What else it says may be as long as it likes: the connection is closed.
  if (statusCode !== 200) throw new Error(`it answers ${statusCode}`);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error(`its answer is longer than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return parseAnswer(Buffer.concat(chunks).toString('utf8'));
}

function isHttps(url: string): boolean {
  return url.startsWith('https:');
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses were tried: its own message is empty.
  if (error.message === '' && 'code' in error) return String(error.code);
  return error.message;
}
