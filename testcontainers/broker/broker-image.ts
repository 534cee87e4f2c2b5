/** The image of SpokeMQ itself, as `deploy/docker/Dockerfile` makes it. */
import { GenericContainer } from 'testcontainers';
import { PROJECT_DIRECTORY } from '../../engines/places.ts';

const IMAGE = 'localhost/spokemq:latest';

/** Its name. Built here, unless SPOKEMQ_IMAGE names one that is there already. */
export async function brokerImage(): Promise<string> {
  const built = process.env['SPOKEMQ_IMAGE'];
  if (built !== undefined && built !== '') return built;
  await GenericContainer.fromDockerfile(PROJECT_DIRECTORY, 'deploy/docker/Dockerfile').build(IMAGE, {
    deleteOnExit: false,
  });
  return IMAGE;
}
