/**
 * Lets bikes be unlocked, over two Redis streams and without MQTT: reads what they ask for as one of a consumer group, and answers each
 * once, however often a request comes. Run as many of it as you like; what one leaves undone another takes over.
 */
import { hostname } from 'node:os';
import { Redis } from 'ioredis';

const REQUESTS = 'unlock-requests';
const ANSWERS = 'unlock-answers';
const GROUP = 'unlock-service';
const CONSUMER = process.env.CONSUMER ?? `${hostname()}-${process.pid}`;
/** How long an answered request is remembered: longer than a broker and Redis may be out of touch. */
const REMEMBERED_S = 24 * 60 * 60;
/** Another one that has not answered for so long is taken to be dead. */
const CLAIM_AFTER_MS = Number(process.env.CLAIM_AFTER_MS ?? 10_000);
const WAIT_MS = 1_000;
const RETRY_MS = 500;

const redis = new Redis(process.env.REDIS_URL ?? 'redis://127.0.0.1:6379');
redis.on('error', (error) => console.error(`Redis: ${error.message}`));

let isStopping = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => (isStopping = true));

console.log(`${CONSUMER} answers ${REQUESTS}`);
while (!isStopping) {
  try {
    await createGroup();
    await answerAll(await claimed());
    await answerAll(await next());
  } catch (error) {
    console.error(error.message);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
redis.disconnect();

async function createGroup() {
  await redis.xgroup('CREATE', REQUESTS, GROUP, '0', 'MKSTREAM').catch((error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error;
  });
}

/** What was handed to a service that has not answered it. */
async function claimed() {
  const [, entries] = await redis.xautoclaim(REQUESTS, GROUP, CONSUMER, CLAIM_AFTER_MS, '0', 'COUNT', 10);
  return entries.filter((entry) => entry !== null);
}

async function next() {
  const options = ['COUNT', 10, 'BLOCK', WAIT_MS, 'STREAMS', REQUESTS, '>'];
  const [[, entries = []] = []] = (await redis.xreadgroup('GROUP', GROUP, CONSUMER, ...options)) ?? [];
  return entries;
}

async function answerAll(entries) {
  for (const [entryId, fields] of entries) await answer(entryId, fields);
}

async function answer(entryId, fields) {
  // Trimmed away before anybody came to it.
  if (fields === null) return redis.xack(REQUESTS, GROUP, entryId);
  const { id, message } = Object.fromEntries(pairs(fields));
  const request = requestOf(message);
  if (request === undefined) {
    console.error(`${entryId} is no request, and left out`);
    return redis.xack(REQUESTS, GROUP, entryId);
  }
  // The broker may send a request again, with the `id` that it had; one with QoS 0 has none and comes once at most.
  const seen = id === undefined ? undefined : `unlock-service:seen:${id}`;
  if (seen !== undefined && (await redis.exists(seen)) === 1) return redis.xack(REQUESTS, GROUP, entryId);
  const envelope = {
    topic: request.topic.replace(/unlock-request$/, 'unlock'),
    payload: decide(request),
    qos: 1,
    // A bike is not to open for somebody who has long gone.
    expiryS: 30,
    // Whoever asked with MQTT 5 finds its answer by this.
    properties: { correlationData: request.properties?.correlationData },
  };
  // All of it or nothing: it is answered, remembered and done with at once.
  const transaction = redis
    .multi()
    .xadd(ANSWERS, 'MAXLEN', '~', 100_000, '*', 'message', JSON.stringify(envelope));
  if (seen !== undefined) transaction.set(seen, '1', 'EX', REMEMBERED_S);
  await transaction.xack(REQUESTS, GROUP, entryId).exec();
  console.log(`${request.topic}: ${envelope.payload}`);
}

/** Here a real service would ask whether the customer may ride. */
function decide({ payload, encoding }) {
  const text = encoding === 'base64' ? Buffer.from(payload, 'base64').toString() : payload;
  return text.startsWith('customer-') ? 'open' : 'refused';
}

/** undefined: somebody else than the broker wrote it. Tried again it would keep everybody from what is behind it. */
function requestOf(text = '') {
  try {
    const request = JSON.parse(text);
    return typeof request?.topic === 'string' && typeof request.payload === 'string' ? request : undefined;
  } catch {
    return undefined;
  }
}

function pairs(fields) {
  return fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1]]] : []));
}
