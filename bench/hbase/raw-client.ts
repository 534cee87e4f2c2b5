/** The raw limit: a Java program on hbase-client that puts the same rows (`raw-client/`), compiled with the jars of the engine. */
import { execFile } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from '../../engines/engine.ts';
import { javaCommand } from '../../engines/java.ts';
import { mavenJars } from '../../engines/maven-jars.ts';
import { CACHE_DIRECTORY, PROJECT_DIRECTORY } from '../../engines/places.ts';
import type { LoadCommand } from './load-process.ts';

/** `list` and `region`: lists of puts for all regions, or for one. `mutator`: a BufferedMutator. */
export type RawWay = 'list' | 'region' | 'mutator';

export interface RawLoad {
  readonly zookeeperQuorum: string;
  readonly table: string;
  readonly queues: number;
  readonly way: RawWay;
  readonly rowsPerCall: number;
  readonly threads: number;
  readonly warmUpMs: number;
  readonly windowMs: number;
}

const SOURCES = join(PROJECT_DIRECTORY, 'bench/hbase/raw-client/io/spokemq/bench');
const HEAP_MB = 768;

export class RawClient {
  readonly #java: string;
  readonly #classPath: string;

  private constructor(java: string, classPath: string) {
    this.#java = java;
    this.#classPath = classPath;
  }

  static async compile(progress: Progress): Promise<RawClient> {
    const java = javaCommand();
    const jars = await mavenJars('hbase', join(PROJECT_DIRECTORY, 'engines/hbase/pom.xml'), progress);
    const classes = join(CACHE_DIRECTORY, 'bench-raw-client');
    await mkdir(classes, { recursive: true });
    const sources = (await readdir(SOURCES)).map((file) => join(SOURCES, file));
    // The compiler lies beside the virtual machine.
    await promisify(execFile)(java.replace(/java$/, 'javac'), [
      '-nowarn',
      '-cp',
      join(jars, '*'),
      '-d',
      classes,
      ...sources,
    ]);
    return new RawClient(java, `${classes}:${join(jars, '*')}`);
  }

  appends(load: RawLoad): LoadCommand {
    const { zookeeperQuorum, ...options } = load;
    const zookeeperPort = zookeeperQuorum.replace(/^.*:/, '');
    return {
      command: this.#java,
      args: [
        `-Xmx${HEAP_MB}m`,
        '-cp',
        this.#classPath,
        'io.spokemq.bench.RawAppends',
        ...Object.entries({ zookeeperPort, ...options }).map(([name, value]) => `${name}=${value}`),
      ],
    };
  }
}
