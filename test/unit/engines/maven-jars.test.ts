import { chmod, mkdir, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { beforeEach, expect, test, vi } from 'vitest';
import { mavenJars } from '../../../engines/maven-jars.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

/** Stands in for Maven on the path: writes two jars where it is told, counts how often, and fails on demand. */
const MAVEN = `#!/bin/sh
here=$(dirname "$0")
echo run >> "$here/runs"
if [ -e "$here/fail" ]; then echo "Could not transfer artifact"; exit 1; fi
for argument; do case $argument in -DoutputDirectory=*) folder=\${argument#*=};; esac; done
echo first > "$folder/first.jar"
echo second > "$folder/second.jar"
`;

let maven: string;
let cache: string;
let pom: string;

beforeEach(async () => {
  const directory = await temporaryDirectory();
  maven = join(directory, 'bin');
  cache = join(directory, 'cache');
  pom = join(directory, 'pom.xml');
  await mkdir(maven);
  await writeFile(join(maven, 'mvn'), MAVEN);
  await chmod(join(maven, 'mvn'), 0o755);
  await writeFile(pom, '<project/>');
  vi.stubEnv('PATH', `${maven}${delimiter}${process.env['PATH'] ?? ''}`);
  return () => vi.unstubAllEnvs();
});

const jars = async () => await mavenJars('hbase', pom, () => undefined, cache);
const runs = async () => (await readFile(join(maven, 'runs'), 'utf8')).split('\n').length - 1;

test('resolves once, and again when the pom has changed', async () => {
  const folder = await jars();
  expect((await readdir(folder)).sort()).toEqual(['first.jar', 'jars.json', 'second.jar']);
  expect(await jars()).toBe(folder);
  expect(await runs()).toBe(1);
  await writeFile(pom, '<project><version>2</version></project>');
  expect(await jars()).not.toBe(folder);
  expect(await runs()).toBe(2);
});

test('resolves again when a jar is missing or cut short', async () => {
  const folder = await jars();
  await rm(join(folder, 'first.jar'));
  expect(await jars()).toBe(folder);
  await truncate(join(folder, 'second.jar'), 3);
  expect(await jars()).toBe(folder);
  expect(await readFile(join(folder, 'second.jar'), 'utf8')).toBe('second\n');
  expect(await runs()).toBe(3);
});

test('several who ask at once get one whole folder', async () => {
  const folders = await Promise.all([jars(), jars(), jars()]);
  expect(new Set(folders).size).toBe(1);
  expect((await readdir(cache)).length).toBe(1);
  expect((await readdir(folders[0])).length).toBe(3);
});

test('tells the last words of a Maven that failed, and leaves nothing behind', async () => {
  await writeFile(join(maven, 'fail'), '');
  await expect(jars()).rejects.toThrow(
    /dependency:copy-dependencies.* failed.*\nCould not transfer artifact/,
  );
  expect(await readdir(cache)).toEqual([]);
});
