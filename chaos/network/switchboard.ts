/**
 * Through it goes every connection that one broker opens (see `detour.ts`), so that each can be cut by where it leads: `silent`, as
 * when packets get lost (nothing gets through, nobody is told, and what was under way arrives when the cut is mended), or `reset`.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type Cut = 'silent' | 'reset';

interface Line {
  readonly targetPort: number;
  readonly from: Socket;
  /** Undefined: not dialled, because the cut was there first. */
  to: Socket | undefined;
  /** What comes in at either end goes out at the other. */
  isJoined: boolean;
}

const LINE_FEED = 10;
const HEADER_BYTES_MAX = 8;

export class Switchboard {
  readonly port: number;
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  readonly #cuts = new Map<number, Cut>();

  static async open(): Promise<Switchboard> {
    const server = createServer({ noDelay: true, pauseOnConnect: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Switchboard(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (from) => {
      this.#take(from);
    });
  }

  /** Cuts what leads to these ports, and what will. */
  cut(ports: readonly number[], how: Cut): void {
    for (const port of ports) this.#cuts.set(port, how);
    for (const line of this.#lines) {
      if (ports.includes(line.targetPort)) this.#interrupt(line, how);
    }
  }

  /** Takes all cuts back. */
  mend(): void {
    const mended = new Set(this.#cuts.keys());
    this.#cuts.clear();
    for (const line of this.#lines) {
      if (!mended.has(line.targetPort)) continue;
      if (line.to === undefined && !line.from.destroyed) this.#dial(line);
      else join(line);
    }
  }

  async close(): Promise<void> {
    for (const { from, to } of this.#lines) {
      from.destroy();
      to?.destroy();
    }
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(from: Socket): void {
    from.on('error', () => undefined);
    let header = Buffer.alloc(0);
    const read = (chunk: Buffer): void => {
      header = Buffer.concat([header, chunk]);
      const end = header.indexOf(LINE_FEED);
      if (end < 0) {
        if (header.length > HEADER_BYTES_MAX) from.destroy();
        return;
      }
      from.off('data', read).pause();
      const rest = header.subarray(end + 1);
      if (rest.length > 0) from.unshift(rest);
      this.#begin(from, Number(header.subarray(0, end).toString('latin1')));
    };
    from.on('data', read);
  }

  #begin(from: Socket, targetPort: number): void {
    const line: Line = { targetPort, from, to: undefined, isJoined: false };
    this.#lines.add(line);
    from.on('close', () => {
      this.#ended(line, line.to);
    });
    const cut = this.#cuts.get(targetPort);
    if (cut === undefined) this.#dial(line);
    else this.#interrupt(line, cut);
  }

  #dial(line: Line): void {
    const { from, targetPort } = line;
    const to = connect({ host: '127.0.0.1', port: targetPort, noDelay: true });
    line.to = to;
    to.on('connect', () => {
      if (!this.#cuts.has(targetPort)) join(line);
    });
    to.on('error', () => {
      // Nobody listens there, or it is gone: the broker hears as much, unless a cut keeps it from hearing.
      if (this.#cuts.get(targetPort) !== 'silent') from.resetAndDestroy();
    });
    to.on('close', () => {
      this.#ended(line, from);
    });
  }

  /** One end closed: so does the other, unless a cut keeps it from hearing of it until that is mended. */
  #ended(line: Line, other: Socket | undefined): void {
    if (other === undefined || other.destroyed) this.#lines.delete(line);
    else if (this.#cuts.get(line.targetPort) !== 'silent') other.destroy();
  }

  #interrupt(line: Line, how: Cut): void {
    const { from, to } = line;
    line.isJoined = false;
    if (how === 'reset') {
      from.resetAndDestroy();
      to?.resetAndDestroy();
      return;
    }
    for (const socket of [from, to]) socket?.unpipe().pause();
  }
}

function join(line: Line): void {
  const { from, to, isJoined } = line;
  if (to === undefined || isJoined) return;
  // Whichever end closed while nothing got through.
  if (from.destroyed || to.destroyed) {
    from.destroy();
    to.destroy();
    return;
  }
  line.isJoined = true;
  from.pipe(to);
  to.pipe(from);
}
