/** Plots over the time of a run as plain SVG, without a library, with the faults as numbered bands behind the lines. */

export interface Line {
  readonly name: string;
  readonly points: readonly { readonly atS: number; readonly value: number }[];
}

/** Seconds since the run began. */
export interface Band {
  readonly label: string;
  readonly title: string;
  readonly fromS: number;
  readonly healedS: number;
  readonly throughS: number;
}

export interface TimePlot {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly bands: readonly Band[];
  readonly durationS: number;
  readonly scale:
    | { readonly type: 'linear'; readonly max: number }
    /** Milliseconds, from one up. */
    | { readonly type: 'logarithmic' };
}

/** Chosen to stay apart for colour-blind readers, on light and on dark ground. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'] as const;
const INK = '#777';
const STRUCK = '#e69f00';
const WIDTH = 1000;
const HEIGHT = 380;
const MARGIN = { top: 70, right: 20, bottom: 44, left: 76 } as const;
const INNER_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const INNER_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;
const TIME_STEPS_S = [10, 30, 60, 120, 300, 600, 1800, 3600] as const;
const TIME_LABELS_MAX = 14;
const SMALLEST_MS = 1;

export function drawTimePlot(plot: TimePlot): string {
  const axis = axisOf(plot);
  const xOf = (seconds: number) => MARGIN.left + (INNER_WIDTH * seconds) / plot.durationS;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    text(MARGIN.left, 22, plot.title, 'start', 15),
    ...plot.bands.map((band, index) => drawBand(band, index, xOf)),
    ...axis.ticks.map(({ value, label }) => gridLine(axis.yOf(value), label)),
    ...timeLabels(plot.durationS, xOf),
    ...plot.lines.map((line, index) => polyline(line, colour(index), xOf, axis.yOf)),
    ...plot.lines.map((line, index) => legend(line.name, index)),
    '</svg>',
    '',
  ].join('\n');
}

interface Axis {
  readonly yOf: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

function axisOf({ scale, lines }: TimePlot): Axis {
  if (scale.type === 'linear') {
    const yOf = (value: number) => MARGIN.top + INNER_HEIGHT * (1 - value / scale.max);
    const values = [0, 0.25, 0.5, 0.75, 1].map((part) => Math.round(part * scale.max));
    return { yOf, ticks: values.map((value) => ({ value, label: `${value}` })) };
  }
  const largest = Math.max(10, ...lines.flatMap(({ points }) => points.map(({ value }) => value)));
  const decades = Math.ceil(Math.log10(largest / SMALLEST_MS));
  const yOf = (value: number) =>
    MARGIN.top + INNER_HEIGHT * (1 - Math.log10(Math.max(value, SMALLEST_MS) / SMALLEST_MS) / decades);
  const values = Array.from({ length: decades + 1 }, (_none, power) => SMALLEST_MS * 10 ** power);
  return { yOf, ticks: values.map((value) => ({ value, label: durationText(value) })) };
}

/** Darker while the fault lasts, lighter until everybody has recovered. */
function drawBand(
  { label, title, fromS, healedS, throughS }: Band,
  index: number,
  xOf: (seconds: number) => number,
): string {
  const band = (from: number, through: number, opacity: number) =>
    `<rect x="${xOf(from).toFixed(1)}" y="${MARGIN.top}" width="${Math.max(1, xOf(through) - xOf(from)).toFixed(1)}" ` +
    `height="${INNER_HEIGHT}" fill="${STRUCK}" fill-opacity="${opacity}"/>`;
  // Two rows: neighbours would cover each other's numbers.
  const labelY = MARGIN.top - 6 - (index % 2) * 12;
  return (
    `<g><title>${escape(title)}</title>${band(fromS, healedS, 0.4)}${band(healedS, throughS, 0.15)}` +
    `${text(xOf(fromS), labelY, label, 'start', 10)}</g>`
  );
}

function polyline(
  { points }: Line,
  stroke: string,
  xOf: (seconds: number) => number,
  yOf: (value: number) => number,
): string {
  const path = points.map(({ atS, value }) => `${xOf(atS).toFixed(1)},${yOf(value).toFixed(1)}`).join(' ');
  return `<polyline points="${path}" fill="none" stroke="${stroke}" stroke-width="1.5" stroke-linejoin="round"/>`;
}

function gridLine(y: number, label: string): string {
  return (
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}" stroke="${INK}" ` +
    `stroke-opacity="0.3"/>${text(MARGIN.left - 8, y + 4, label, 'end')}`
  );
}

function timeLabels(durationS: number, xOf: (seconds: number) => number): string[] {
  const step = TIME_STEPS_S.find((each) => durationS / each <= TIME_LABELS_MAX) ?? durationS;
  const labels: string[] = [];
  for (let atS = 0; atS <= durationS; atS += step) {
    const label = `${Math.floor(atS / 60)}:${String(Math.round(atS % 60)).padStart(2, '0')}`;
    labels.push(text(xOf(atS), HEIGHT - 18, label, 'middle'));
  }
  return labels;
}

function legend(name: string, index: number): string {
  const x = MARGIN.left + index * 220;
  return `<rect x="${x}" y="32" width="12" height="12" fill="${colour(index)}"/>${text(x + 18, 42, name, 'start')}`;
}

function durationText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

function colour(index: number): string {
  return COLOURS[index % COLOURS.length] ?? INK;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size = 12): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="${INK}">${escape(content)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
