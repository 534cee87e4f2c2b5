/** The files of `deploy/`, as the programs that they are for would read them. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';

export const PROJECT_DIRECTORY = fileURLToPath(new URL('../../', import.meta.url));

/** Absolute, of a path below `deploy/`. */
export function deployPath(path: string): string {
  return fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url));
}

export function deployText(path: string): string {
  return readFileSync(deployPath(path), 'utf8');
}

/** With the merge keys of Compose; rejects a key that is there twice. */
export function deployYaml(path: string): unknown {
  return parse(deployText(path), { merge: true });
}

export function yamlDocuments(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() as unknown;
  });
}

export function deployJson(path: string): unknown {
  return JSON.parse(deployText(path));
}

export const DASHBOARDS = 'helm/spokemq/files/dashboards';

/** Paths below `deploy/`. */
export function dashboardFiles(): readonly string[] {
  return readdirSync(deployPath(DASHBOARDS)).map((name) => `${DASHBOARDS}/${name}`);
}
