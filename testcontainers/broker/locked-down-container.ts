/** A container of the SpokeMQ image with as few rights as the files in `deploy/` give it: nothing to write to but its volumes. */
import { getContainerRuntimeClient } from 'testcontainers';

type Client = Awaited<ReturnType<typeof getContainerRuntimeClient>>;
type Container = ReturnType<Client['container']['getById']>;

export interface ContainerWish {
  readonly image: string;
  readonly command: readonly string[];
  /** Default: the image's own. */
  readonly entrypoint?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Volume to directory. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** On loopback, by port inside. */
  readonly ports?: Readonly<Record<number, number>>;
}

export interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** Created, not started. Goes with `remove`, and its unnamed volumes with it. */
export async function lockedDownContainer(wish: ContainerWish): Promise<LockedDownContainer> {
  const client = await getContainerRuntimeClient();
  const { volumes = {}, ports = {}, environment = {} } = wish;
  const container = await client.container.dockerode.createContainer({
    Image: wish.image,
    Cmd: [...wish.command],
    ...(wish.entrypoint === undefined ? {} : { Entrypoint: [...wish.entrypoint] }),
    Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: Object.fromEntries(Object.keys(ports).map((port) => [`${port}/tcp`, {}])),
    HostConfig: {
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Binds: Object.entries(volumes).map(([volume, directory]) => `${volume}:${directory}`),
      PortBindings: Object.fromEntries(
        Object.entries(ports).map(([port, hostPort]) => [
          `${port}/tcp`,
          [{ HostIp: '127.0.0.1', HostPort: `${hostPort}` }],
        ]),
      ),
    },
  });
  return new LockedDownContainer(client, container);
}

export class LockedDownContainer {
  readonly #client: Client;
  readonly #container: Container;

  constructor(client: Client, container: Container) {
    this.#client = client;
    this.#container = container;
  }

  async start(): Promise<void> {
    await this.#container.start();
  }

  /** Runs a command beside the one that the container is for. */
  async exec(...command: string[]): Promise<Ended> {
    const { exitCode, output } = await this.#client.container.exec(this.#container, command);
    return { exitCode, output };
  }

  /** The command of the image's health check, told by the container: podman keeps it from those who ask for the image. */
  async healthCommand(): Promise<string[]> {
    const { Config: config } = await this.#container.inspect();
    const [kind, ...command] = config.Healthcheck?.Test ?? [];
    if (kind !== 'CMD') throw new Error('the image has no health check that is a command');
    return command;
  }

  /** Starts it and waits for its end. */
  async run(): Promise<Ended> {
    await this.start();
    await this.#container.wait();
    return await this.ended();
  }

  /** SIGTERM, and after `graceS` SIGKILL. Resolves to how it ended. */
  async stop(graceS: number): Promise<Ended> {
    await this.#container.stop({ t: graceS });
    return await this.ended();
  }

  async ended(): Promise<Ended> {
    const { State: state } = await this.#container.inspect();
    const log = await this.#container.logs({ stdout: true, stderr: true, follow: false });
    return { exitCode: state.ExitCode, output: log.toString('utf8') };
  }

  async remove(): Promise<void> {
    await this.#container.remove({ force: true, v: true });
  }
}
