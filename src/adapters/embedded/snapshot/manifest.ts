/**
 * Manifests say which runs make up the snapshot and how far they reach in the log. Each is a file of its own,
 * numbered by generation; the one before the newest stays, in case the newest rots.
 */
import path from 'node:path';
import { z } from 'zod';
import { readWholeFile, replaceFile } from '../durable-file.ts';
import type { FileSystem } from '../file-system.ts';

const MANIFEST_NAME = /^manifest-(\d{10})$/;

const manifest = z.object({
  generation: z.number(),
  /** Next offset per partition; null: none was saved yet. */
  checkpoint: z.array(z.number()).nullable(),
  /** Numbers of the runs. */
  runs: z.array(z.number()),
  /** Runs from this number on were written after the manifest and belong to the snapshot too. */
  nextRun: z.number(),
});
export type Manifest = Readonly<z.infer<typeof manifest>>;

export function manifestFileName(generation: number): string {
  return `manifest-${String(generation).padStart(10, '0')}`;
}

export function generationOfFileName(name: string): number | undefined {
  const digits = MANIFEST_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Durable when resolved. */
export async function saveManifest(
  fileSystem: FileSystem,
  directory: string,
  content: Manifest,
): Promise<void> {
  const text = Buffer.from(JSON.stringify(content));
  await replaceFile(fileSystem, directory, manifestFileName(content.generation), text);
}

/** undefined: the file is not what was written. */
export async function loadManifest(
  fileSystem: FileSystem,
  directory: string,
  generation: number,
): Promise<Manifest | undefined> {
  const content = await readWholeFile(fileSystem, path.join(directory, manifestFileName(generation)));
  if (content === undefined || content === 'damaged') return undefined;
  return manifest.safeParse(JSON.parse(content.toString())).data;
}
