/**
 * The manifest: every normative statement of the two standards, from `mqtt-3.1.1.yaml` and `mqtt-5.0.yaml`, and the
 * tags by which tests say what they prove. A statement without a reason has to be proven by a test.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

export const STANDARDS = ['3.1.1', '5.0'] as const;
export type Standard = (typeof STANDARDS)[number];

/** Both standards number their statements alike, so an identifier means nothing without its standard. */
export interface StatementName {
  readonly standard: Standard;
  /** `MQTT-3.1.2-24` */
  readonly identifier: string;
}

export interface Statement extends StatementName {
  /** In our words, not the standard's. */
  readonly says: string;
  /** Why no test of ours proves it. */
  readonly reason: string | undefined;
}

const manifest = z.record(
  z.string().regex(/^MQTT-\d+\.\d+\.\d+-\d+$/),
  z.union([
    z.string().transform((says) => ({ says, reason: undefined })),
    z.strictObject({ says: z.string(), reason: z.string().min(5) }),
  ]),
);

export const STATEMENTS: readonly Statement[] = STANDARDS.flatMap((standard) => {
  const text = readFileSync(new URL(`mqtt-${standard}.yaml`, import.meta.url), 'utf8');
  return Object.entries(manifest.parse(parse(text))).map(([identifier, statement]) => ({
    standard,
    identifier,
    ...statement,
  }));
});

/** `[5.0 MQTT-3.1.2-22]`; several as `[5.0 MQTT-3.1.2-22, MQTT-3.2.2-22]`. */
const TAG = /\[(3\.1\.1|5\.0) (MQTT-[\d.]+-\d+(?:, MQTT-[\d.]+-\d+)*)\]/g;

/** The statements that a test's name, its describe blocks included, says it proves. */
export function statementsNamedIn(testName: string): StatementName[] {
  return [...testName.matchAll(TAG)].flatMap(([, standard, identifiers = '']) =>
    identifiers.split(', ').map((identifier) => ({ standard: standard as Standard, identifier })),
  );
}

export function nameOf({ standard, identifier }: StatementName): string {
  return `[${standard} ${identifier}]`;
}

/** `3.1` of `MQTT-3.1.2-24`; whole chapters except the third, which has one section per control packet. */
export function chapterOf({ identifier }: StatementName): string {
  const [chapter = '', section = ''] = identifier.slice('MQTT-'.length).split('.');
  return chapter === '3' ? `${chapter}.${section}` : chapter;
}
