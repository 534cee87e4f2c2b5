/**
 * The HBase image of this repository, built where Docker or podman is. Its build context is put together from what the engines
 * have resolved and built, so that the image runs the very jars that the other tests run.
 */
import { cp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GenericContainer } from 'testcontainers';
import type { Progress } from '../../engines/engine.ts';
import { endpointJar } from '../../engines/hbase/endpoint-jar.ts';
import { hbaseJars } from '../../engines/hbase/hbase-engine.ts';
import { CACHE_DIRECTORY, PROJECT_DIRECTORY } from '../../engines/places.ts';

export const HBASE_IMAGE = 'localhost/spokemq-hbase:latest';

const IMAGE_FILES = join(PROJECT_DIRECTORY, 'testcontainers', 'hbase', 'image');
const CONTEXT = join(CACHE_DIRECTORY, 'hbase-image');

/** Puts the build context together anew, and returns its path. */
export async function prepareImageContext(progress: Progress): Promise<string> {
  const [jars, endpoint] = [await hbaseJars(progress), await endpointJar(progress)];
  await rm(CONTEXT, { recursive: true, force: true });
  await mkdir(CONTEXT, { recursive: true });
  await cp(IMAGE_FILES, CONTEXT, { recursive: true });
  await cp(jars, join(CONTEXT, 'lib'), { recursive: true });
  await cp(endpoint, join(CONTEXT, 'endpoint', 'spokemq-queue-endpoint.jar'));
  return CONTEXT;
}

/** Builds the image and keeps it: the layers of the next build are there already. */
export async function buildHBaseImage(progress: Progress): Promise<GenericContainer> {
  const context = await prepareImageContext(progress);
  progress('building the image');
  return await GenericContainer.fromDockerfile(context).build(HBASE_IMAGE, { deleteOnExit: false });
}
