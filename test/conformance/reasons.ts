/** The statements that no test proves, with their reasons, as Markdown tables: what `docs/conformance.md` holds. */
import { STANDARDS, STATEMENTS } from './statements.ts';

export function reasonTables(): string {
  return STANDARDS.map((standard) => {
    const rows = STATEMENTS.filter((each) => each.standard === standard && each.reason !== undefined).map(
      ({ identifier, says, reason = '' }) => `| ${identifier} | ${says} | ${reason} |`,
    );
    return [
      `### MQTT ${standard}: ${rows.length} statements`,
      '',
      '| Statement | What it says | Why no test of ours proves it |',
      '| --- | --- | --- |',
      ...rows,
      '',
    ].join('\n');
  }).join('\n');
}
