import { describe, expect, it } from 'vitest';
import { formatBadRow, parseTripFile, TripFileError } from '../../src/fleet/trip-file.ts';

const HEADER = ',Start Time,End Time,Trip Duration,Start Station,End Station,User Type,Gender,Birth Year';
const GOOD = '7,23-06-2017 15:09,23-06-2017 15:14,321,Wood St,Damen Ave,Subscriber,Male,1992';

const parse = (...rows: string[]) => parseTripFile('trips.csv', [HEADER, ...rows].join('\n'));

describe('a trip file', () => {
  it('gives start, end and stations of each trip', () => {
    expect(parse(GOOD)).toEqual({
      trips: [
        {
          startMs: Date.UTC(2017, 5, 23, 15, 9),
          endMs: Date.UTC(2017, 5, 23, 15, 9) + 321_000,
          startStation: 'Wood St',
          endStation: 'Damen Ave',
        },
      ],
      badRows: [],
    });
  });

  it('takes durations with decimals, stations with commas and quotes, and missing riders', () => {
    const { trips } = parse('8,03-04-2017 10:22,,231.952,"20th & ""Crystal"", Dr",6th & Ball,Customer,,');
    expect(trips).toMatchObject([{ startStation: '20th & "Crystal", Dr', endStation: '6th & Ball' }]);
    expect((trips[0]?.endMs ?? 0) - (trips[0]?.startMs ?? 0)).toBe(231_952);
  });

  it('takes the end time where the duration is missing or no number', () => {
    const { trips } = parse(GOOD.replace(',321,', ',,'), GOOD.replace(',321,', ',n/a,'));
    expect(trips.map((trip) => trip.endMs)).toEqual([
      Date.UTC(2017, 5, 23, 15, 14),
      Date.UTC(2017, 5, 23, 15, 14),
    ]);
  });

  it('finds its columns by name, with or without a byte order mark and carriage returns', () => {
    const { trips } = parseTripFile(
      't',
      '\uFEFFend station,start station,trip duration,start time\r\nB,A,60,2017-06-23 15:09:30\r\n',
    );
    expect(trips).toEqual([
      {
        startMs: Date.UTC(2017, 5, 23, 15, 9, 30),
        endMs: Date.UTC(2017, 5, 23, 15, 10, 30),
        startStation: 'A',
        endStation: 'B',
      },
    ]);
  });

  it.each([
    [
      'a day that does not exist',
      GOOD.replace('23-06-2017 15:09', '31-06-2017 15:09'),
      'Start Time "31-06-2017 15:09"',
    ],
    ['no start time', GOOD.replace('23-06-2017 15:09', ''), 'Start Time is empty'],
    ['an hour that does not exist', GOOD.replace('15:09', '24:09'), 'is not a time'],
    [
      'an end before the start',
      GOOD.replace(',321,', ',,').replace('15:14', '15:01'),
      'ends before it starts',
    ],
    ['no end at all', '7,23-06-2017 15:09,,soon,A,B', 'Trip Duration "soon"'],
    ['a trip of months', GOOD.replace(',321,', ',9999999,'), 'lasts longer'],
    ['no end station', GOOD.replace('Damen Ave', ' '), 'End Station is empty'],
    ['a comma too many', `${GOOD},surplus`, 'double quotes'],
  ])('skips a row with %s and says what to do', (_what, row, reason) => {
    const { trips, badRows } = parse(GOOD, row);
    expect(trips).toHaveLength(1);
    expect(badRows).toHaveLength(1);
    const [bad] = badRows;
    expect(bad === undefined ? '' : formatBadRow(bad)).toMatch(/^trips\.csv:3: /);
    expect(bad?.reason).toContain(reason);
  });

  it('counts lines inside quoted fields', () => {
    const { badRows } = parse(GOOD.replace('Wood St', '"Wood\nSt"'), '9,nonsense');
    expect(badRows.map((row) => row.line)).toEqual([4]);
  });

  it('reports a quote that is never closed at the line where it opens', () => {
    const { trips, badRows } = parse(GOOD, GOOD.replace('Wood St', '"Wood St'), GOOD);
    expect(trips).toHaveLength(1);
    expect(badRows).toMatchObject([{ line: 3 }]);
  });

  it.each([
    ['is empty', '', 'trips.csv is empty'],
    ['has no trips', HEADER, 'no trips'],
    ['lacks a column', 'Start Time,End Time,End Station\n', 'no column "Start Station"'],
    ['has only bad rows', `${HEADER}\n1,x,y,z,A,B`, 'trips.csv:2: Start Time "x"'],
  ])('is refused when it %s', (_what, text, message) => {
    const attempt = () => parseTripFile('trips.csv', text);
    expect(attempt).toThrow(TripFileError);
    expect(attempt).toThrow(message);
  });
});
