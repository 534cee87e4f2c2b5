/**
 * The little of the peers' modules that aedes-server.ts uses, so that the type check does not need them installed.
 */
declare module 'aedes' {
  import type { Socket } from 'node:net';
  export class Aedes {
    static createBroker(options: { readonly persistence?: object }): Promise<Aedes>;
    handle(socket: Socket): void;
  }
}

declare module 'aedes-persistence-level/asyncPersistence.js' {
  const LevelPersistence: new (level: object) => object;
  export default LevelPersistence;
}

declare module 'classic-level' {
  export const ClassicLevel: new (directory: string) => object;
}
