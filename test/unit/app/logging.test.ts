import { describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/app/logging.ts';
import type { LogOutput } from '../../../src/app/logging.ts';

class Captured implements LogOutput {
  readonly isTerminal: boolean;
  text = '';

  constructor(isTerminal: boolean) {
    this.isTerminal = isTerminal;
  }

  write(line: string): void {
    this.text += line;
  }

  get records(): readonly unknown[] {
    return this.text
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line));
  }
}

describe('the log', () => {
  it('is one JSON object per line where there is no terminal', () => {
    const output = new Captured(false);
    const logger = createLogger({ level: 'info', format: 'auto' }, output);
    logger.child({ tenant: 'acme', clientId: 'bike-7' }).info({ queued: 3 }, 'session opened');
    logger.debug('not at this level');
    expect(output.records).toMatchObject([
      { tenant: 'acme', clientId: 'bike-7', queued: 3, msg: 'session opened', level: 30 },
    ]);
  });

  it('never holds a secret, at the top of an object or below it', () => {
    for (const format of ['json', 'pretty'] as const) {
      const output = new Captured(false);
      const logger = createLogger({ level: 'info', format }, output);
      logger.info({ password: 'hunter2', connect: { password: 'hunter2', clientId: 'c' } }, 'connect');
      logger.child({ token: 'hunter2' }).warn({ headers: { authorization: 'hunter2' } }, 'request');
      expect(output.text).toContain('[secret]');
      expect(output.text).toContain('c');
      expect(output.text).not.toContain('hunter2');
    }
  });

  it('lets no client forge a line or speak to the terminal', () => {
    const output = new Captured(true);
    const logger = createLogger({ level: 'info', format: 'auto' }, output);
    logger.info({ clientId: 'x\n00:00:00.000 INFO  all is well\u001b[2J' }, 'connected');
    expect(output.text.split('\n')).toHaveLength(2);
    expect(output.text).not.toContain('\u001b');
  });

  it('is readable on a terminal, with the stack of an error below the line', () => {
    const output = new Captured(true);
    createLogger({ level: 'info', format: 'auto' }, output).error(
      { err: new Error('disk full'), part: 'log' },
      'failed',
    );
    const [first, second] = output.text.split('\n');
    expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ERROR failed part=log$/);
    expect(second).toBe('  Error: disk full');
  });
});
