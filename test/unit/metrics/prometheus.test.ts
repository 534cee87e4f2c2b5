import { describe, expect, it } from 'vitest';
import { configSchema } from '../../../src/app/config-schema.ts';
import { Counters } from '../../../src/metrics/counters.ts';
import { exposition } from '../../../src/metrics/exposition.ts';
import { limitGauges, MetricsPage } from '../../../src/metrics/prometheus.ts';
import { sysTopics } from '../../../src/metrics/sys-topics.ts';
import { DEFAULT_TENANT } from '../../../src/tenancy/identity.ts';

/** `name{labels} value` of every sample on the page. */
function samplesOf(page: string): ReadonlyMap<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

function busyTenant(): Counters {
  const counters = new Counters();
  counters.connections = 3;
  counters.messagesIn[1] = 7;
  counters.payloadBytesOut[2] = 1024;
  counters.drop('expired', 4);
  for (const latencyMs of [0.5, 1, 3, 99_999]) counters.acknowledgementLatency.observe(latencyMs);
  return counters;
}

describe('MetricsPage', () => {
  const { limits } = configSchema.parse({});
  let depth = 5;
  const page = new MetricsPage({
    version: '1.2.3',
    tenants: () => [[DEFAULT_TENANT, busyTenant()]],
    gauges: [
      limitGauges(limits),
      { name: 'spoke_queued_messages', help: 'Messages waiting.', type: 'gauge', read: () => depth },
    ],
  });

  it('shows the counters per tenant, QoS and reason', async () => {
    const samples = samplesOf(await page.text());
    expect(samples.get('spoke_connections{tenant="default"}')).toBe(3);
    expect(samples.get('spoke_messages_received_total{tenant="default",qos="1"}')).toBe(7);
    expect(samples.get('spoke_payload_sent_bytes_total{tenant="default",qos="2"}')).toBe(1024);
    expect(samples.get('spoke_messages_dropped_total{tenant="default",reason="expired"}')).toBe(4);
    expect(samples.get('spoke_messages_dropped_total{tenant="default",reason="queueFull"}')).toBe(0);
  });

  it('shows the latency as a cumulative histogram in seconds', async () => {
    const samples = samplesOf(await page.text());
    const bucket = (le: string) =>
      samples.get(`spoke_acknowledgement_latency_seconds_bucket{tenant="default",le="${le}"}`);
    expect([bucket('0.001'), bucket('0.002'), bucket('0.005'), bucket('10'), bucket('+Inf')]).toEqual([
      2, 2, 3, 3, 4,
    ]);
    expect(samples.get('spoke_acknowledgement_latency_seconds_count{tenant="default"}')).toBe(4);
    expect(samples.get('spoke_acknowledgement_latency_seconds_sum{tenant="default"}')).toBeCloseTo(100.0035);
  });

  it('reads gauges when asked, and shows every limit', async () => {
    depth = 6;
    const samples = samplesOf(await page.text());
    expect(samples.get('spoke_queued_messages')).toBe(6);
    expect(samples.get('spoke_limit{name="packetBytesMax"}')).toBe(limits.packetBytesMax);
    expect(samples.get('spoke_limit{name="durableQueue.bytesMax"}')).toBe(limits.durableQueue.bytesMax);
  });

  it('shows the process: event loop, CPU, memory', async () => {
    const samples = samplesOf(await page.text());
    for (const name of [
      'nodejs_eventloop_lag_p99_seconds',
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
    ])
      expect(samples.has(name), name).toBe(true);
    expect(samples.get('spoke_build_info{version="1.2.3"}')).toBe(1);
  });

  it('has one value per sample name, and only numbers of its own', async () => {
    const text = await page.text();
    const names = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samplesOf(text).size).toBe(names.length);
    const ours = [...samplesOf(text)].filter(([name]) => name.startsWith('spoke_'));
    expect(ours.filter(([, value]) => Number.isNaN(value))).toEqual([]);
  });
});

it('escapes what would break the text format', () => {
  const family = {
    name: 'x',
    type: 'gauge',
    help: 'a\nb\\c',
    samples: [{ labels: { t: 'q"uo\\te\n' }, value: Infinity }],
  } as const;
  expect(exposition([family])).toBe('# HELP x a\\nb\\\\c\n# TYPE x gauge\nx{t="q\\"uo\\\\te\\n"} +Inf\n');
});

it('tells $SYS the numbers of the tenant', () => {
  const counters = busyTenant();
  counters.sessions = 10;
  const facts = { version: '1.2.3', uptimeS: 61.7, counters, queuedMessages: 12 };
  const values = Object.fromEntries(sysTopics(facts).map(({ topic, payload }) => [topic, payload]));
  expect(values).toMatchObject({
    '$SYS/broker/version': 'SpokeMQ 1.2.3',
    '$SYS/broker/uptime': '61 seconds',
    '$SYS/broker/clients/connected': '3',
    '$SYS/broker/clients/disconnected': '7',
    '$SYS/broker/messages/received': '7',
    '$SYS/broker/publish/messages/dropped': '4',
    '$SYS/broker/store/messages/count': '12',
  });
});
