import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MemberSummary } from '../../../src/admin/admin-port.ts';
import { adminToken } from '../../../src/admin/access.ts';
import { LOCAL_PRINCIPAL } from '../../../src/admin/admin-principal.ts';
import { AdminServer } from '../../../src/admin/admin-server.ts';
import { ensureAdminToken } from '../../../src/adapters/file/admin-token.ts';
import { incarnation } from '../../../src/tenancy/identity.ts';
import { MemoryAdminPort } from '../admin/memory-admin-port.ts';
import { CliHarness } from './cli-harness.ts';

const directory = mkdtempSync(join(tmpdir(), 'spoke-cli-'));
const port = new MemoryAdminPort();
/** An hour after the first event. */
const nowMs = () => 1_700_003_600_000;
const tokenOf = (token: string) => () => [adminToken(token, LOCAL_PRINCIPAL)];
let server: AdminServer;
let environment: Record<string, string>;
let cli: CliHarness;

beforeAll(async () => {
  const token = await ensureAdminToken(join(directory, 'data'));
  server = new AdminServer({
    port,
    tokens: tokenOf(token),
    metricsNeedToken: false,
    allowedHosts: [],
    version: '1.2.3',
    nowMs,
    onError: () => undefined,
  });
  const url = await server.listen('127.0.0.1', 0);
  environment = { SPOKE_ADMIN_PORT: new URL(url).port };
});
afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});
beforeEach(() => {
  cli = new CliHarness({ directory, environment });
  port.sessions.length = 0;
  port.queues.length = 0;
  port.events.length = 0;
  port.past.length = 0;
});

describe('spoke session', () => {
  it('lists sessions in aligned columns, over as many pages as it takes', async () => {
    for (let bike = 1; bike <= 600; bike++) port.addSession(`bike-${bike}`, { queuedMessages: bike });
    const { out, err } = await cli.run('session', 'list', '--limit', '550');
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(551);
    expect(lines[0]).toMatch(/^TENANT {3}CLIENT {4}STATE/);
    const queuedEnds = lines.map((line) => line.length);
    expect(new Set(queuedEnds).size).toBe(1);
    expect(err).toBe('There are more than 550: see --limit.\n');
  });

  it('prints JSON for programs', async () => {
    port.addSession('bike-1');
    expect(JSON.parse((await cli.run('session', 'list', '--json')).out)).toMatchObject([
      { clientId: 'bike-1' },
    ]);
    expect(JSON.parse((await cli.run('session', 'list', '--disconnected', '--json')).out)).toEqual([]);
  });

  it('shows one session with its subscriptions', async () => {
    port.addSession('bike-1');
    const { out } = await cli.run('session', 'show', 'bike-1');
    expect(out).toMatch(/^client +bike-1$/m);
    expect(out).toMatch(/^a\/# +1$/m);
  });

  it('kicks, and discards when asked', async () => {
    port.addSession('bike-1');
    expect(await cli.run('session', 'kick', 'bike-1')).toMatchObject({
      code: 0,
      out: 'bike-1: disconnected\n',
    });
    expect(await cli.run('session', 'kick', 'bike-1')).toMatchObject({
      code: 1,
      err: 'The broker refused: client "bike-1" is not connected. Nothing to do, or end its session with discard=true\n',
    });
    expect((await cli.run('session', 'kick', 'bike-1', '--discard')).out).toBe('bike-1: its session ended\n');
    expect(port.sessions).toEqual([]);
  });

  it('never lets a client write to the terminal', async () => {
    port.addSession('\u001b[31mred\u202e');
    const { out } = await cli.run('session', 'list');
    expect(out).toContain('\\u{1b}[31mred\\u{202e}');
    expect(out).not.toContain('\u001b');
  });
});

describe('spoke queue', () => {
  it('lists, shows and purges', async () => {
    port.addQueue('bike-1', 12);
    expect((await cli.run('queue', 'list')).out).toMatch(/^default +bike-1 +pending +1 +12 +1200$/m);
    const shown = (await cli.run('queue', 'show', 'bike-1')).out;
    expect(shown).toMatch(/^messages +12 of at most 100$/m);
    expect(shown).toMatch(/^positions +1 to 12$/m);
    expect((await cli.run('queue', 'purge', 'bike-1')).out).toBe('bike-1: 12 messages removed\n');
    expect((await cli.run('queue', 'show', 'bike-1')).code).toBe(1);
  });
});

describe('spoke tenant', () => {
  it('creates, changes, suspends, resumes and lists', async () => {
    const made = await cli.run(
      'tenant',
      'create',
      'acme',
      '--limit',
      'tenant.connectionsMax=1000',
      '--chain',
      'mysql,file',
    );
    expect(made.out).toMatch(
      /^state +active\nconfigured +no\nlimits +tenant.connectionsMax=1000\nchain +mysql, file$/m,
    );
    expect(await cli.run('tenant', 'create', 'acme')).toMatchObject({
      code: 1,
      err: 'The broker refused: tenant "acme" is there already. Change it, or choose another name\n',
    });
    const changed = await cli.run(
      'tenant',
      'change',
      'acme',
      '--limit',
      'tenant.sessionsMax=5',
      '--chain',
      '',
    );
    expect(changed.out).toMatch(
      /^limits +tenant.connectionsMax=1000, tenant.sessionsMax=5\nchain +as configured$/m,
    );
    expect((await cli.run('tenant', 'suspend', 'acme')).out).toMatch(/^state +suspended$/m);
    expect((await cli.run('tenant', 'list')).out).toMatch(/^acme +suspended +0 +0 +0 +0$/m);
    expect((await cli.run('tenant', 'resume', 'acme')).out).toMatch(/^state +active$/m);
    expect(await cli.run('tenant', 'show', 'nobody')).toMatchObject({ code: 1 });
    expect(await cli.run('tenant', 'create', 'b', '--limit', 'connections')).toMatchObject({
      code: 2,
      err: expect.stringContaining('NAME=NUMBER') as unknown,
    });
  });

  it('deletes only when told twice', async () => {
    await cli.run('tenant', 'create', 'acme');
    expect(await cli.run('tenant', 'delete', 'acme')).toMatchObject({
      code: 1,
      err: expect.stringContaining('Say --yes') as unknown,
    });
    expect((await cli.run('tenant', 'delete', 'acme', '--yes', '--no-wait')).out).toMatch(
      /^state +deleting$/m,
    );
  });
});

describe('spoke session show --at', () => {
  it('tells what the session was, from the log', async () => {
    port.addPast('bike-1', 1_700_000_000_000);
    const { out } = await cli.run('session', 'show', 'bike-1', '--at', '-2m');
    expect(out).toMatch(/^at +2023-11-14T23:11:20\.000Z$/m);
    expect(out).toMatch(/^state +connected to spoke-1#1, connection 1$/m);
    expect(out).toMatch(/^recorded +2023-11-14T22:13:20\.000Z \(partition 0, offset 0\)$/m);
    expect(out).toMatch(/^a\/# +1$/m);
    const json = (await cli.run('session', 'show', 'bike-1', '--at', '2023-11-14T22:30Z', '--json')).out;
    expect(JSON.parse(json)).toMatchObject({
      clientId: 'bike-1',
      connected: true,
      subscriptions: [{ filter: 'a/#' }],
    });
  });

  it('says that subscriptions of a transient session are not on the log', async () => {
    port.addPast('console', 1_700_000_000_000, { sessionExpiryS: 0, subscriptions: [] });
    expect((await cli.run('session', 'show', 'console', '--at', '-2m')).out).toContain('not on the log');
  });

  it('says what a time looks like to whoever writes another', async () => {
    expect(await cli.run('session', 'show', 'bike-1', '--at', 'yesterday')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/at is "yesterday", which is no moment. Use ISO 8601 .*-2h/) as unknown,
    });
  });
});

describe('spoke events', () => {
  it('lists the events of a time, of one client or of all', async () => {
    for (const client of ['bike-1', 'bike-2']) port.addEvent('SessionOpened', client);
    const line = /^2023-11-14T22:13:20\.00\dZ SessionOpened default\/bike-\d sessionId=1$/gm;
    expect((await cli.run('events', '--client', 'bike-2', '--since', '-2h')).out).toMatch(
      /^2023-11-14T22:13:20\.001Z SessionOpened default\/bike-2 sessionId=1\n$/,
    );
    expect((await cli.run('events')).out.match(line)).toHaveLength(2);
    expect((await cli.run('events', 'list', '--until', '2023-11-14T22:13:20Z')).out.match(line)).toHaveLength(
      1,
    );
    expect((await cli.run('events', '--since', '-30m')).out).toBe('');
  });

  it('tells from when on they can be listed', async () => {
    port.completeFromMs = 1_700_000_000_000;
    const run = await cli.run('events', '--since', '-2h');
    port.completeFromMs = 0;
    expect(run).toMatchObject({ code: 1, err: 'The broker refused: the log begins later. Ask for less\n' });
  });
});

describe('spoke events tail', () => {
  it('prints events for people and for programs', async () => {
    port.addEvent('SessionOpened', 'bike-1');
    port.addEvent('Subscribed', 'bike-2');
    expect((await cli.run('events', 'tail')).out).toBe(
      '2023-11-14T22:13:20.000Z SessionOpened default/bike-1 sessionId=1\n' +
        '2023-11-14T22:13:20.001Z Subscribed default/bike-2 sessionId=1\n',
    );
    const json = (await cli.run('events', 'tail', '--json', '--client', 'bike-2')).out;
    expect(JSON.parse(json)).toMatchObject({ event: 'Subscribed', clientId: 'bike-2' });
  });

  it('follows what happens until the broker goes away', async () => {
    const other = new AdminServer({
      port,
      tokens: tokenOf(await ensureAdminToken(join(directory, 'data'))),
      metricsNeedToken: false,
      allowedHosts: [],
      version: '1.2.3',
      nowMs,
      onError: () => undefined,
    });
    const url = await other.listen('127.0.0.1', 0);
    const follower = new CliHarness({ directory, environment: { SPOKE_ADMIN_PORT: new URL(url).port } });
    const run = follower.run('events', 'tail', '--follow');
    while (port.openTails === 0) await new Promise((resolve) => setImmediate(resolve));
    port.addEvent('SessionClosed', 'bike-3');
    while (!follower.out.includes('SessionClosed default/bike-3'))
      await new Promise((resolve) => setImmediate(resolve));
    await other.close();
    expect((await run).code).toBe(0);
  });
});

describe('spoke audit', () => {
  it('prints what was done and refused, and says with its requests who asks', async () => {
    port.audited.length = 0;
    port.addAudited({
      kind: 'administrativeChange',
      who: 'local',
      agent: 'spoke/1 (alice@depot)',
      address: '127.0.0.1',
      action: 'queue.purge',
      target: 'bike-1\u001b[2J',
      outcome: 'begun',
    });
    port.addAudited({ kind: 'furtherNotes', of: 'refusedLogin' });
    expect((await cli.run('audit', '--since', 'start')).out).toBe(
      '2023-11-14T22:13:20.000Z administrativeChange brokerId=spoke-1 who=local agent=spoke/1 (alice@depot) ' +
        'address=127.0.0.1 action=queue.purge target=bike-1\\u{1b}[2J outcome=begun\n' +
        '2023-11-14T22:13:20.001Z furtherNotes brokerId=spoke-1 of=refusedLogin\n',
    );
    const { out } = await cli.run('audit', '--json', '--since', 'start', '--kind', 'furtherNotes', '-n', '1');
    expect(JSON.parse(out)).toMatchObject({ kind: 'furtherNotes', of: 'refusedLogin', cursor: '2' });
    expect((await cli.run('audit', '--kind', 'eclipse')).code).toBe(2);
    port.changes.length = 0;
    port.addSession('bike-1');
    await cli.run('session', 'kick', 'bike-1');
    expect(port.changes).toMatchObject([
      { who: 'local', agent: expect.stringMatching(/^spoke\/.* \(tester@here\)$/) as unknown },
    ]);
  });

  it('asks with another token when told to', async () => {
    const file = join(directory, 'token');
    writeFileSync(file, `${'x'.repeat(40)}\n`, { mode: 0o600 });
    expect((await cli.run('audit', '--token-file', 'token')).err).toContain('the token is wrong');
    chmodSync(file, 0o644);
    expect((await cli.run('audit', '--token-file', file)).err).toContain('chmod 600');
    expect((await cli.run('audit', '--token-file', 'nothing')).err).toContain('cannot be read (ENOENT)');
  });
});

describe('spoke members', () => {
  afterEach(() => {
    port.cluster = { clustered: false, members: [] };
  });

  const spoke1: MemberSummary = {
    brokerId: 'spoke-1',
    incarnation: incarnation('spoke-1', 3),
    self: true,
    state: 'up',
    draining: false,
    sinceMs: 1_700_000_000_000,
    joinedAtMs: 1_700_000_000_000,
    peerAddress: '10.0.0.1:7883',
    serverReference: 'one.example:1883',
    linkUp: undefined,
  };
  const other: MemberSummary = { ...spoke1, self: false, linkUp: true, serverReference: undefined };

  it('shows each broker, its state since when, its link and where it is', async () => {
    port.cluster = {
      clustered: true,
      members: [
        spoke1,
        { ...other, brokerId: 'spoke-2', incarnation: incarnation('spoke-2', 9), draining: true },
        {
          ...other,
          brokerId: 'spoke-3',
          incarnation: incarnation('spoke-3', 1),
          state: 'unreachable',
          linkUp: false,
        },
        {
          ...other,
          brokerId: 'spoke-4',
          incarnation: incarnation('spoke-4', 1),
          state: 'down',
          linkUp: undefined,
        },
      ],
    };
    const { out } = await cli.run('members');
    const since = '2023-11-14T22:13:20.000Z';
    expect(out.trimEnd().split('\n').map(words)).toEqual([
      ['BROKER', 'INCARNATION', 'STATE', 'SINCE', 'LINK', 'FOR PEERS', 'FOR CLIENTS'],
      ['spoke-1', 'spoke-1#3', 'up', since, 'this broker', '10.0.0.1:7883', 'one.example:1883'],
      ['spoke-2', 'spoke-2#9', 'up, draining', since, 'up', '10.0.0.1:7883', '-'],
      ['spoke-3', 'spoke-3#1', 'unreachable', since, 'down', '10.0.0.1:7883', '-'],
      ['spoke-4', 'spoke-4#1', 'down', since, '-', '10.0.0.1:7883', '-'],
    ]);
  });

  it('says when no other broker is alive, and when there can be none', async () => {
    port.cluster = { clustered: true, members: [spoke1] };
    expect((await cli.run('members')).out).toContain('\nNo other broker is alive.\n');
    port.cluster = { clustered: false, members: [] };
    expect((await cli.run('members')).out).toMatch(/^This broker is alone: it has an event log of its own/);
  });

  it('prints JSON for programs', async () => {
    port.cluster = { clustered: true, members: [spoke1] };
    expect(JSON.parse((await cli.run('members', '--json')).out)).toEqual({
      clustered: true,
      members: [
        {
          brokerId: 'spoke-1',
          incarnation: 'spoke-1#3',
          self: true,
          state: 'up',
          draining: false,
          sinceMs: 1_700_000_000_000,
          joinedAtMs: 1_700_000_000_000,
          peerAddress: '10.0.0.1:7883',
          serverReference: 'one.example:1883',
        },
      ],
    });
  });
});

/** Of a line of a table, whose columns are two blanks apart at least. */
function words(line: string): readonly string[] {
  return line.split(/ {2,}/);
}

describe('spoke drain', () => {
  const serving = { phase: 'serving', connected: 0 } as const;
  beforeEach(() => {
    port.drains.length = 0;
  });
  afterEach(() => {
    port.drainSteps = [serving];
  });

  it('asks the broker as the options say, and shows how far it is until nobody is connected', async () => {
    port.drainSteps = [
      { phase: 'notice', connected: 1_200, moved: 0, ratePerS: 400 },
      { phase: 'moving', connected: 1_000, moved: 200, ratePerS: 400 },
      { phase: 'empty', connected: 0, moved: 1_200, ratePerS: 400 },
    ];
    const { code, out, err } = await cli.run(
      ...['drain', '--rate', '400', '--notice', '1.5s', '--to', 'b:1883', '--moved', '--force'],
    );
    expect(port.drains).toMatchObject([
      {
        ratePerS: 400,
        noticeMs: 1_500,
        serverReference: 'b:1883',
        moved: true,
        shutdown: false,
        force: true,
      },
    ]);
    expect(code).toBe(0);
    expect(err).toContain('1,200 clients connected');
    expect(out).toBe('Drained: 1,200 clients asked to leave, nobody is connected.\n');
  });

  it('on a terminal rewrites one line', async () => {
    port.drainSteps = [
      { phase: 'moving', connected: 1, moved: 200, ratePerS: 100 },
      { phase: 'empty', connected: 0, moved: 201, ratePerS: 100 },
    ];
    cli = new CliHarness({ directory, environment, terminal: true });
    const { err } = await cli.run('drain');
    expect(err).toBe('\r\u001b[2K200 asked to leave · 1 client connected · about 1 s to go\r\u001b[2K');
  });

  it('returns at once with --no-wait, and when somebody calls the drain off', async () => {
    port.drainSteps = [{ phase: 'moving', connected: 5, moved: 0, ratePerS: 100 }];
    expect((await cli.run('drain', '--no-wait')).out).toBe('Draining, 5 clients connected.\n');
    port.drainSteps = [
      { phase: 'moving', connected: 5, moved: 0, ratePerS: 100 },
      { phase: 'serving', connected: 4 },
    ];
    expect((await cli.run('drain')).out).toBe('The drain was called off, 4 clients connected.\n');
    expect((await cli.run('drain', '--stop')).out).toBe('Serving again, 3 clients connected.\n');
  });

  it('prints JSON for programs', async () => {
    port.drainSteps = [{ phase: 'empty', connected: 0, moved: 2 }];
    expect(JSON.parse((await cli.run('drain', '--json')).out)).toEqual({
      phase: 'empty',
      connected: 0,
      moved: 2,
    });
  });

  it('takes no rate below 1', async () => {
    expect(await cli.run('drain', '--rate', '0')).toMatchObject({ code: 2 });
    expect(port.drains).toEqual([]);
  });
});

describe('spoke status', () => {
  it('tells broker, listeners and tenants', async () => {
    const { out } = await cli.run('status');
    expect(out).toMatch(/^listens +tcp 127\.0\.0\.1:1883$/m);
    expect(out).toMatch(/^default +1 +2 +3 +4$/m);
    expect(out).toMatch(/^ready +yes$/m);
    expect(out).toMatch(/^sessionsSnapshot +2\.5 +400,000$/m);
  });

  it('tells how far a start is', async () => {
    port.reasons = ['restoring sessions: snapshot, 400,000 rows'];
    const { out } = await cli.run('status');
    port.reasons = [];
    expect(out).toMatch(/^ready +no: restoring sessions: snapshot, 400,000 rows$/m);
    expect(out).toMatch(/^sessionsSnapshot \.\.\. +2\.5 +400,000$/m);
  });
});

describe('without a broker', () => {
  it('says so, and what to do', async () => {
    const nowhere = new CliHarness({ directory, environment: { SPOKE_ADMIN_PORT: '1' } });
    expect(await nowhere.run('status')).toEqual({
      code: 1,
      out: '',
      err: 'No broker is running at http://127.0.0.1:1: nothing answers there. Start it with "spoke start", or name its configuration with --config.\n',
    });
  });

  it('notices a data directory no broker has used, and an admin API that is off', async () => {
    const elsewhere = new CliHarness({ directory, environment: { SPOKE_DATA_DIRECTORY: 'other' } });
    expect((await elsewhere.run('session', 'list')).err).toContain('no broker has run with data directory');
    const off = new CliHarness({ directory, environment: { SPOKE_ADMIN_ENABLED: 'false' } });
    expect(await off.run('session', 'list')).toMatchObject({
      code: 2,
      err: expect.stringContaining('admin.enabled is false') as unknown,
    });
  });

  it('refuses a limit that is none', async () => {
    expect(await cli.run('session', 'list', '--limit', 'many')).toMatchObject({ code: 2 });
  });
});
