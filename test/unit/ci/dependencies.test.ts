/** The check of what is installed from npm, `.ci/dependencies.mjs`: what it refuses, and what it says when nobody can be asked. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

const SCRIPT = new URL('../../../.ci/dependencies.mjs', import.meta.url).pathname;
const NOTHING = { vulnerabilities: {} };
const GOOD = { version: '1.2.3', integrity: 'sha512-abc', license: 'MIT' };

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spoke-dependencies-'));
  await mkdir(join(folder, '.ci'));
  await except();
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** The advisories that are borne. */
async function except(...exceptions: object[]): Promise<void> {
  await writeFile(join(folder, '.ci', 'audit-exceptions.json'), JSON.stringify(exceptions));
}

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly problems: string;
}

/** `audit`: what npm says. */
async function check(
  audit: object,
  entry: Readonly<Record<string, unknown>> = GOOD,
  version = '1.2.3',
): Promise<Outcome> {
  const put = (name: string, content: object) => writeFile(join(folder, name), JSON.stringify(content));
  await put('package.json', { dependencies: { thing: version } });
  await put('package-lock.json', { packages: { '': {}, 'node_modules/thing': entry } });
  await put('audit.json', audit);
  const args = [SCRIPT, '--audit-report', join(folder, 'audit.json'), folder];
  return await new Promise((resolve) => {
    execFile(process.execPath, args, (error, out, problems) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, problems });
    });
  });
}

it('lets pass what is pinned, hashed, licensed and unknown to every advisory', async () => {
  const { code, out, problems } = await check(NOTHING);
  expect([code, problems]).toEqual([0, '']);
  expect(out).toBe('1 packages: versions, hashes, licences, scripts. Advisories: checked.\n');
});

it.each([
  ['a range of versions', GOOD, '^1.2.3', 'thing: "^1.2.3" is no exact version'],
  ['no hash', { ...GOOD, integrity: undefined }, '1.2.3', 'thing@1.2.3 has no sha512 in package-lock.json'],
  ['a weak hash', { ...GOOD, integrity: 'sha1-abc' }, '1.2.3', 'thing@1.2.3 has no sha512'],
  ['an unknown licence', { ...GOOD, license: 'SSPL-1.0' }, '1.2.3', 'licence "SSPL-1.0" is not on the list'],
  ['no licence', { ...GOOD, license: undefined }, '1.2.3', 'licence undefined is not on the list'],
  ['the licence of a tool', { ...GOOD, license: 'MPL-2.0' }, '1.2.3', 'licence "MPL-2.0" is not'],
  ['a script', { ...GOOD, hasInstallScript: true }, '1.2.3', 'thing@1.2.3 wants to run a script'],
])('refuses %s', async (_, entry, version, problem) => {
  const outcome = await check(NOTHING, entry, version);
  expect(outcome.code).toBe(1);
  expect(outcome.problems).toContain(problem);
});

it('lets a tool have the licence of a tool', async () => {
  expect((await check(NOTHING, { ...GOOD, dev: true, license: 'MPL-2.0' })).code).toBe(0);
});

/** As npm reports it: `other` has the flaw, `thing` depends on it. */
function flawOf(severity: string): object {
  const url = 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc';
  const flaw = { source: 1, name: 'other', title: 'Anybody is let in', url, severity, range: '<2.0.0' };
  return { vulnerabilities: { thing: { severity, via: ['other'] }, other: { severity, via: [flaw] } } };
}

it.each(['high', 'critical'])('refuses what an advisory warns of: %s', async (severity) => {
  const { code, problems } = await check(flawOf(severity));
  expect(code).toBe(1);
  expect(problems).toBe(
    `other <2.0.0: ${severity}: Anybody is let in, https://github.com/advisories/GHSA-aaaa-bbbb-cccc\n`,
  );
});

it('bears an advisory for a reason, and until a day', async () => {
  const exception = { advisory: 'GHSA-aaaa-bbbb-cccc', until: '2999-01-01', why: 'it is never called' };
  await except(exception);
  expect((await check(flawOf('high'))).code).toBe(0);
  await except({ ...exception, until: '2020-01-01' });
  expect((await check(NOTHING)).problems).toContain(
    'GHSA-aaaa-bbbb-cccc was excepted until 2020-01-01: it is never called',
  );
  await except({ ...exception, why: '' });
  expect((await check(NOTHING)).problems).toContain('needs advisory, until and why');
});

it('lets pass what is less than that', async () => {
  expect((await check(flawOf('moderate'))).code).toBe(0);
});

it.each([
  ['knows no advisories', { statusCode: 405, message: '405 Method Not Allowed' }],
  ['is down', { message: 'request failed, reason: connect ECONNREFUSED 127.0.0.1:1' }],
])('says so when the registry %s', async (_, answer) => {
  const { code, out } = await check(answer);
  expect(code).toBe(0);
  expect(out).toContain(`Advisories: not checked: the registry does not answer (${answer.message})`);
});

it.each([
  ['a bad request', { statusCode: 400, message: '400 Bad Request' }],
  ['anything else', {}],
])('fails on %s', async (_, answer) => {
  const { code, problems } = await check(answer);
  expect(code).toBe(1);
  expect(problems).toContain('npm audit failed');
});
