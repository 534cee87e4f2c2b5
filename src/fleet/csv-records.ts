/**
 * Cuts CSV text (RFC 4180: quoted fields, doubled quotes, line breaks inside quotes) into records.
 * Knows nothing about what the fields mean.
 */

export interface CsvRecord {
  /** Line of the record's first character, counted from 1. */
  readonly line: number;
  readonly fields: readonly string[];
  /** The text ended inside a quoted field: the record swallowed everything after its opening quote. */
  readonly unterminated: boolean;
}

const BYTE_ORDER_MARK = '\uFEFF';

/** Yields every record that is not an empty line. */
export function* csvRecords(text: string): Generator<CsvRecord, void, void> {
  let position = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  let line = 1;
  while (position < text.length) {
    const record = readRecord(text, position, line);
    const blank = record.fields.length === 1 && record.fields[0] === '';
    if (!blank) yield { line, fields: record.fields, unterminated: record.unterminated };
    position = record.end;
    line = record.nextLine;
  }
}

interface RecordScan {
  readonly fields: string[];
  readonly end: number;
  readonly nextLine: number;
  readonly unterminated: boolean;
}

function readRecord(text: string, start: number, startLine: number): RecordScan {
  const fields: string[] = [];
  let field = '';
  let quoted = false;
  let line = startLine;
  for (let position = start; position < text.length; position++) {
    const character = text.charAt(position);
    if (character === '\n') line++;
    if (quoted) {
      if (character !== '"') field += character;
      else if (text.charAt(position + 1) === '"') field += text.charAt(++position);
      else quoted = false;
    } else if (character === '"' && field === '') {
      quoted = true;
    } else if (character === ',') {
      fields.push(field);
      field = '';
    } else if (character === '\n') {
      fields.push(field);
      return { fields, end: position + 1, nextLine: line, unterminated: false };
    } else if (character !== '\r') {
      field += character;
    }
  }
  fields.push(field);
  return { fields, end: text.length, nextLine: line, unterminated: quoted };
}
