/**
 * The few calls of Confluent's registry API that a writer needs. One attempt per call, with a deadline; whoever
 * calls decides whether to try again. Nothing is cached.
 */
import { z } from 'zod';
import { SchemaRegistryError } from './schema-registry-error.ts';

const MEDIA_TYPE = 'application/vnd.schemaregistry.v1+json';
/** Characters of an answer that an error repeats. */
const ANSWER_CHARACTERS_MAX = 300;

const registered = z.object({ id: z.int().min(1).max(0xffff_ffff) });
const compatibilitySet = z.object({ compatibility: z.string() });
const refusal = z.object({ error_code: z.number(), message: z.string() });

/** "No such subject" and "no such schema": any other 404 comes from something that is no registry. */
const SUBJECT_UNKNOWN = 40_401;
const SCHEMA_UNKNOWN = 40_403;

interface Call {
  readonly method: 'POST' | 'PUT';
  readonly path: string;
  readonly body: unknown;
  /** What it was to do, for errors. */
  readonly purpose: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class RegistryClient {
  /** The URL without user and password. */
  readonly place: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutMs: number;

  /** `url` may hold a user and a password: `https://user:password@registry.example/apis/ccompat/v7`. */
  constructor(url: string, timeoutMs: number) {
    const { username, password, origin, pathname } = new URL(url);
    this.place = origin + pathname.replace(/\/+$/, '');
    this.#headers = {
      'content-type': MEDIA_TYPE,
      accept: `${MEDIA_TYPE}, application/json`,
      ...(username === '' ? {} : { authorization: basicAuthorization(username, password) }),
    };
    this.#timeoutMs = timeoutMs;
  }

  /** The id of a schema that is registered under the subject; undefined: it is not. */
  async lookUp(subject: string, schema: string): Promise<number | undefined> {
    const purpose = `look up ${subject}`;
    const path = `/subjects/${encodeURIComponent(subject)}`;
    const answer = await this.#call({ method: 'POST', path, body: { schema }, purpose });
    if (answer.status === 404 && isUnknown(answer.text)) return undefined;
    return this.#read(registered, answer, purpose).id;
  }

  /** Registers the schema as a version of the subject and resolves to its id; again is harmless. */
  async register(subject: string, schema: string): Promise<number> {
    const purpose = `register ${subject}`;
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#call({ method: 'POST', path, body: { schema }, purpose });
    if (answer.status === 409) throw this.#error('SCHEMA_INCOMPATIBLE', purpose, answer);
    return this.#read(registered, answer, purpose).id;
  }

  /** From now on the registry refuses a version of the subject that cannot be read as every other, both ways. */
  async requireFullCompatibility(subject: string): Promise<void> {
    const purpose = `set the compatibility of ${subject}`;
    const path = `/config/${encodeURIComponent(subject)}`;
    const body = { compatibility: 'FULL_TRANSITIVE' };
    const answer = await this.#call({ method: 'PUT', path, body, purpose });
    this.#read(compatibilitySet.or(z.object({ compatibilityLevel: z.string() })), answer, purpose);
  }

  async #call({ method, path, body, purpose }: Call): Promise<Answer> {
    try {
      const response = await fetch(this.place + path, {
        method,
        headers: this.#headers,
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      const code = 'SCHEMA_REGISTRY_UNAVAILABLE';
      throw new SchemaRegistryError(code, this.place, `could not ${purpose}, ${causeText(cause)}`, { cause });
    }
  }

  #read<T>(shape: z.ZodType<T>, answer: Answer, purpose: string): T {
    const { status, text } = answer;
    if (status === 401 || status === 403) throw this.#error('SCHEMA_REGISTRY_REFUSED', purpose, answer);
    if (status >= 500) throw this.#error('SCHEMA_REGISTRY_UNAVAILABLE', purpose, answer);
    const read = shape.safeParse(json(text));
    if (status !== 200 || !read.success) throw this.#error('SCHEMA_REGISTRY_UNEXPECTED', purpose, answer);
    return read.data;
  }

  #error(code: SchemaRegistryError['code'], purpose: string, { status, text }: Answer): SchemaRegistryError {
    const said = refusal.safeParse(json(text)).data?.message ?? text;
    const what = `could not ${purpose}, it answered ${status} ${JSON.stringify(said.slice(0, ANSWER_CHARACTERS_MAX))}`;
    return new SchemaRegistryError(code, this.place, what);
  }
}

function basicAuthorization(username: string, password: string): string {
  const text = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(text).toString('base64')}`;
}

function isUnknown(text: string): boolean {
  const code = refusal.safeParse(json(text)).data?.error_code;
  return code === SUBJECT_UNKNOWN || code === SCHEMA_UNKNOWN;
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `fetch` says only "fetch failed"; why stands in its cause. */
function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
