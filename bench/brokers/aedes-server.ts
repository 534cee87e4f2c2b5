/**
 * Runs aedes as a process of its own: `aedes-server.js <port> [<level directory>]`. Without a directory it keeps everything in
 * memory; with one, in a LevelDB store that is not synced, which is the only durable store aedes has without a server.
 */
import { createServer } from 'node:net';
import { Aedes } from 'aedes';
import LevelPersistence from 'aedes-persistence-level/asyncPersistence.js';
import { ClassicLevel } from 'classic-level';

const [port, directory] = process.argv.slice(2);
const broker = await Aedes.createBroker(
  directory === undefined ? {} : { persistence: new LevelPersistence(new ClassicLevel(directory)) },
);
createServer((socket) => {
  broker.handle(socket);
}).listen(Number(port), '127.0.0.1');

process.on('SIGTERM', () => process.exit(0));
