/**
 * Reads bike-share trips from CSV text. A row that cannot be used is reported with its line and skipped;
 * only a file without any usable row is an error.
 */
import { csvRecords } from './csv-records.ts';

export interface Trip {
  /** Milliseconds since 1970, the city's wall clock taken as UTC: only differences matter here. */
  readonly startMs: number;
  readonly endMs: number;
  readonly startStation: string;
  readonly endStation: string;
}

export interface BadRow {
  readonly file: string;
  readonly line: number;
  /** What is wrong and what to do about it. */
  readonly reason: string;
}

export interface TripFile {
  readonly trips: readonly Trip[];
  readonly badRows: readonly BadRow[];
}

/** The trips cannot be replayed at all; the message says why and what to do. */
export class TripFileError extends Error {
  override readonly name = 'TripFileError';
}

const REQUIRED_COLUMNS = ['Start Time', 'Start Station', 'End Station'] as const;
const END_COLUMNS = ['Trip Duration', 'End Time'] as const;
const TRIP_HOURS_MAX = 24 * 7;

/** `file` is only used to name the place of an error. @throws TripFileError when no row is usable. */
export function parseTripFile(file: string, text: string): TripFile {
  const records = csvRecords(text);
  const header = records.next();
  if (header.done === true) {
    throw new TripFileError(
      `${file} is empty: expected a header line with ${REQUIRED_COLUMNS.join(', ')} and ${END_COLUMNS.join(' or ')}`,
    );
  }
  const columns = readHeader(file, header.value.fields);
  const trips: Trip[] = [];
  const badRows: BadRow[] = [];
  for (const record of records) {
    const trip = record.unterminated
      ? 'a quoted field is never closed: add the missing double quote'
      : readTrip(record.fields, columns);
    if (typeof trip === 'string') badRows.push({ file, line: record.line, reason: trip });
    else trips.push(trip);
  }
  if (trips.length === 0) throw new TripFileError(noUsableRow(file, badRows));
  return { trips, badRows };
}

function noUsableRow(file: string, badRows: readonly BadRow[]): string {
  const [first] = badRows;
  if (first === undefined) return `${file} has a header but no trips: give a file with at least one row`;
  return `${file} has no usable row; the first one, ${formatBadRow(first)}`;
}

/** `FILE:LINE: reason`, which editors and terminals turn into a link. */
export function formatBadRow(row: BadRow): string {
  return `${row.file}:${row.line}: ${row.reason}`;
}

interface Columns {
  readonly width: number;
  readonly startTime: number;
  readonly startStation: number;
  readonly endStation: number;
  /** -1: the file has no such column. At most one of the two is missing. */
  readonly duration: number;
  readonly endTime: number;
}

function readHeader(file: string, names: readonly string[]): Columns {
  const known = names.map((name) => name.trim().toLowerCase());
  const at = (name: string) => known.indexOf(name.toLowerCase());
  const missing: string[] = REQUIRED_COLUMNS.filter((name) => at(name) < 0);
  if (END_COLUMNS.every((name) => at(name) < 0)) missing.push(END_COLUMNS.join(' or '));
  if (missing.length > 0) {
    throw new TripFileError(
      `${file}:1: no column ${missing.map((name) => `"${name}"`).join(', ')} (found: ${names.join(', ')}): ` +
        'name the columns in the first line',
    );
  }
  return {
    width: names.length,
    startTime: at('Start Time'),
    startStation: at('Start Station'),
    endStation: at('End Station'),
    duration: at('Trip Duration'),
    endTime: at('End Time'),
  };
}

/** The trip, or why there is none. */
function readTrip(fields: readonly string[], columns: Columns): Trip | string {
  const field = (index: number) => fields[index]?.trim() ?? '';
  if (fields.length > columns.width) {
    return (
      `${fields.length} fields, but the header names ${columns.width}: ` +
      'put a field that contains a comma into double quotes'
    );
  }
  const startText = field(columns.startTime);
  const startMs = parseTime(startText);
  if (startMs === undefined) return badTime('Start Time', startText);
  const endMs = readEnd(startMs, field(columns.duration), field(columns.endTime));
  if (typeof endMs === 'string') return endMs;
  if (endMs < startMs) return 'the trip ends before it starts: correct End Time or Trip Duration';
  if (endMs - startMs > TRIP_HOURS_MAX * 3_600_000) {
    return `the trip lasts longer than ${TRIP_HOURS_MAX} hours: correct End Time or Trip Duration`;
  }
  const startStation = field(columns.startStation);
  const endStation = field(columns.endStation);
  if (startStation === '') return 'Start Station is empty: fill it in or remove the row';
  if (endStation === '') return 'End Station is empty: fill it in or remove the row';
  return { startMs, endMs, startStation, endStation };
}

/** The duration (seconds, may have decimals) is the finer of the two; the end time, in minutes, stands in for it. */
function readEnd(startMs: number, duration: string, endTime: string): number | string {
  if (duration !== '') {
    const seconds = Number(duration);
    if (Number.isFinite(seconds) && seconds >= 0) return startMs + Math.round(seconds * 1000);
    if (endTime === '')
      return `Trip Duration "${duration}" is not a number of seconds, such as 321 or 489.066`;
  }
  return parseTime(endTime) ?? badTime('End Time', endTime);
}

function badTime(column: string, text: string): string {
  return text === ''
    ? `${column} is empty: fill it in or remove the row`
    : `${column} "${text}" is not a time: write DD-MM-YYYY HH:MM, such as 23-06-2017 15:09`;
}

const DAY_FIRST =
  /^(?<day>\d{1,2})[-/.](?<month>\d{1,2})[-/.](?<year>\d{4})[ T](?<time>\d{1,2}:\d{2}(?::\d{2})?)$/;
const YEAR_FIRST = /^(?<year>\d{4})-(?<month>\d{1,2})-(?<day>\d{1,2})[ T](?<time>\d{1,2}:\d{2}(?::\d{2})?)$/;

function parseTime(text: string): number | undefined {
  const parts = (DAY_FIRST.exec(text) ?? YEAR_FIRST.exec(text))?.groups;
  if (parts === undefined) return undefined;
  const year = Number(parts['year']);
  const month = Number(parts['month']);
  const day = Number(parts['day']);
  const [hour = 0, minute = 0, second = 0] = (parts['time'] ?? '').split(':').map(Number);
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second);
  const date = new Date(timeMs);
  // Date.UTC rolls 31 June over into July; such a day is a typing error, not a time.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? timeMs : undefined;
}
