/**
 * Preloaded into a broker process (`node --import`): every TCP connection that it opens on this machine goes through the switchboard that
 * `CHAOS_SWITCHBOARD` names by its port, behind one line that says where it wanted to go. So the connections to Kafka and to region
 * servers, whose addresses are told by those servers, can be cut like all others.
 */
import { Socket } from 'node:net';

const switchboardPort = Number(process.env['CHAOS_SWITCHBOARD']);
const LOOPBACK: readonly unknown[] = ['127.0.0.1', 'localhost', undefined];

type Connect = (this: Socket, ...args: unknown[]) => Socket;

interface Wish {
  readonly options: Readonly<Record<string, unknown>>;
  readonly listeners: readonly unknown[];
}

if (switchboardPort > 0) {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its socket below
  const connect = Socket.prototype.connect as unknown as Connect;
  const detour: Connect = function (...args) {
    const { options, listeners } = wishOf(args);
    const port = Number(options['port']);
    // What TLS wraps would be said within TLS.
    const isPlain = this.constructor === Socket;
    if (!isPlain || !(port > 0) || !LOOPBACK.includes(options['host'])) return connect.apply(this, args);
    connect.call(this, { ...options, host: '127.0.0.1', port: switchboardPort }, ...listeners);
    // Kept by the socket until it is connected, and sent before everything else.
    this.write(`${port}\n`);
    return this;
  };
  Socket.prototype.connect = detour;
}

/** The forms of `connect`: options; port and host; and what `net.connect` has made of either, an array. Each with a listener or none. */
function wishOf(args: readonly unknown[]): Wish {
  const given = Array.isArray(args[0]) ? (args[0] as readonly unknown[]) : args;
  const [first, second] = given;
  const listeners = given.filter((each) => typeof each === 'function');
  if (typeof first === 'object' && first !== null)
    return { options: first as Readonly<Record<string, unknown>>, listeners };
  return { options: { port: first, host: typeof second === 'string' ? second : undefined }, listeners };
}
