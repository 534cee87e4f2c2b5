/**
 * Whether what is installed from npm may be: `node .ci/dependencies.mjs FOLDER...`, each with package.json and package-lock.json, the first one of what
 * ships.
 * Without a network: versions are exact, every package has its hash, a licence of the list, and runs no script that the list does not
 * name. And when the registry answers: no advisory of `AUDIT_LEVELS` concerns a package that ships, but for .ci/audit-exceptions.json.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

/** Licences of what ships. */
const LICENCES = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT'];
/** Besides these, of what only builds and tests. */
const LICENCES_OF_TOOLS = ['CC0-1.0', 'MPL-2.0', 'Unlicense'];
/** As their files say, of packages that tell no program: too old, or not installed on every system. */
const LICENCES_READ = { 'cpu-features@0.0.10': 'MIT', 'underscore@1.4.4': 'MIT' };
/** Packages with install scripts. All of them work without; nothing here needs one, and the image is built with --ignore-scripts. */
const WITH_SCRIPTS = ['classic-level', 'cpu-features', 'lmdb', 'msgpackr-extract', 'protobufjs', 'ssh2'];

const EXCEPTIONS = '.ci/audit-exceptions.json';
const AUDIT_LEVELS = ['high', 'critical'];
const AUDIT_MS_MAX = 60_000;
/** Answers of a registry that knows no advisories, or is broken; any other than these and 200 is a failure of ours. */
const NO_AUDIT_HERE = (status) => [404, 405, 501].includes(status) || status >= 502;
const NO_ANSWER =
  /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ERR_SOCKET_TIMEOUT|network timeout)\b/;
const EXACT = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

const [auditReport, folders] = argumentsOf(process.argv.slice(2));
const exceptions = JSON.parse(readFileSync(join(folders[0], EXCEPTIONS), 'utf8'));
const problems = exceptions.flatMap(problemsOfException);
let packages = 0;
for (const folder of folders) {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages;
  const entries = Object.entries(lock).filter(([path]) => path !== '');
  packages += entries.length;
  const found = [
    ...problemsOfVersions(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))),
    ...entries.flatMap(([path, entry]) => problemsOfPackage(folder, path, entry)),
  ];
  problems.push(...found.map((problem) => `${folder}: ${problem}`));
}
const advisories = auditOf(
  auditReport === undefined ? await audit(folders[0]) : readFileSync(auditReport, 'utf8'),
);
problems.push(...advisories.problems);
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.stdout.write(
  `${packages} packages: versions, hashes, licences, scripts. Advisories: ${advisories.said}.\n`,
);
process.exit(problems.length === 0 ? 0 : 1);

/** `--audit-report FILE`: what npm would have said, for tests. */
function argumentsOf(words) {
  return words[0] === '--audit-report' ? [words[1], words.slice(2)] : [undefined, words];
}

function problemsOfVersions({ dependencies = {}, devDependencies = {}, overrides = {} }) {
  return Object.entries({ ...dependencies, ...devDependencies, ...overrides })
    .filter(([, version]) => !EXACT.test(version))
    .map(([name, version]) => `${name}: "${version}" is no exact version`);
}

function problemsOfPackage(folder, path, entry) {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const id = `${name}@${entry.version}`;
  const licence = entry.license ?? LICENCES_READ[id] ?? licenceInstalled(join(folder, path));
  const allowed = entry.dev === true ? [...LICENCES, ...LICENCES_OF_TOOLS] : LICENCES;
  return [
    ...(entry.integrity?.startsWith('sha512-') ? [] : [`${id} has no sha512 in package-lock.json`]),
    ...(allowed.includes(licence) ? [] : [`${id}: licence ${JSON.stringify(licence)} is not on the list`]),
    ...(entry.hasInstallScript && !WITH_SCRIPTS.includes(name)
      ? [`${id} wants to run a script when it is installed`]
      : []),
  ];
}

/** Of packages older than the field in the lock file: what their package.json says, in the form of its day. */
function licenceInstalled(path) {
  const file = join(path, 'package.json');
  if (!existsSync(file)) return undefined;
  const { license, licenses } = JSON.parse(readFileSync(file, 'utf8'));
  return license ?? licenses?.[0]?.type;
}

function problemsOfException({ advisory, until, why }) {
  if (!/^GHSA(-[0-9a-z]{4}){3}$/.test(advisory ?? '') || !why || Number.isNaN(Date.parse(until)))
    return [`${EXCEPTIONS}: ${JSON.stringify({ advisory, until, why })} needs advisory, until and why`];
  return Date.parse(until) > Date.now()
    ? []
    : [`${EXCEPTIONS}: ${advisory} was excepted until ${until}: ${why}`];
}

/** What npm says of the packages that ship, as JSON. */
function audit(folder) {
  const options = ['--json', '--omit=dev', '--fetch-retries=1', `--prefix=${folder}`];
  return new Promise((resolve) => {
    execFile('npm', ['audit', ...options], { timeout: AUDIT_MS_MAX, maxBuffer: 2 ** 26 }, (error, output) => {
      resolve(error?.killed ? JSON.stringify({ message: 'network timeout' }) : output);
    });
  });
}

function auditOf(output) {
  const { vulnerabilities, statusCode, message = '' } = parsed(output);
  if (vulnerabilities !== undefined) return { said: 'checked', problems: problemsOfAudit(vulnerabilities) };
  if (NO_AUDIT_HERE(statusCode) || NO_ANSWER.test(message))
    return { said: `not checked: the registry does not answer (${message})`, problems: [] };
  return { said: 'not checked', problems: [`npm audit failed: ${message || output}`] };
}

function parsed(output) {
  try {
    return JSON.parse(output);
  } catch {
    return { message: `no JSON: ${output}` };
  }
}

function problemsOfAudit(vulnerabilities) {
  const excepted = new Set(exceptions.map(({ advisory }) => advisory));
  const found = Object.values(vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((via) => typeof via === 'object' && AUDIT_LEVELS.includes(via.severity))
    .filter(({ url }) => !excepted.has(url.slice(url.lastIndexOf('/') + 1)))
    .map(({ name, range, severity, title, url }) => `${name} ${range}: ${severity}: ${title}, ${url}`);
  return [...new Set(found)];
}
