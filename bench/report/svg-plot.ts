/**
 * Plots as plain SVG, without a library: grouped bars, and lines over a logarithmic x axis.
 */
import type { Plot, Row } from '../scenarios/scenario.ts';

/** Chosen to stay apart for colour-blind readers, on light and on dark ground. */
const COLOURS = ['#0072b2', '#56b4e9', '#d55e00', '#009e73', '#cc79a7', '#e69f00'] as const;
const INK = '#777';
const WIDTH = 820;
const HEIGHT = 380;
const MARGIN = { top: 64, right: 24, bottom: 48, left: 84 } as const;
const INNER_WIDTH = WIDTH - MARGIN.left - MARGIN.right;
const INNER_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom;
const GRID_LINES_MIN = 4;
const GROUP_GAP_PART = 0.2;

/** Undefined when no row has the figure. */
export function drawPlot(plot: Plot, rows: readonly Row[]): string | undefined {
  const drawn = rows.filter((row) => Number.isFinite(row.figures[plot.figure]));
  if (drawn.length === 0) return undefined;
  const brokers = [...new Set(drawn.map((row) => row.broker))];
  const scale = niceScale(Math.max(...drawn.map((row) => row.figures[plot.figure] ?? 0)));
  const marks =
    plot.along === undefined
      ? bars(plot, drawn, brokers, scale)
      : lines(plot, plot.along, drawn, brokers, scale);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    text(MARGIN.left, 24, plot.title, 'start', 15),
    legend(brokers),
    grid(scale),
    ...marks,
    '</svg>',
    '',
  ].join('\n');
}

interface Scale {
  readonly max: number;
  readonly step: number;
}

/** Grid steps of 1, 2 or 5 times a power of ten, at least GRID_LINES_MIN of them up to `largest`. */
function niceScale(largest: number): Scale {
  const rough = (largest > 0 ? largest : 1) / GRID_LINES_MIN;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([5, 2, 1].find((factor) => factor * power <= rough) ?? 1) * power;
  return { max: Math.ceil(largest / step) * step, step };
}

function yOf(value: number, { max }: Scale): number {
  return MARGIN.top + INNER_HEIGHT * (1 - value / max);
}

function grid(scale: Scale): string {
  const parts: string[] = [];
  for (let value = 0; value <= scale.max + scale.step / 2; value += scale.step) {
    const y = yOf(value, scale);
    parts.push(
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="${INK}" stroke-opacity="0.3"/>`,
      text(MARGIN.left - 8, y + 4, value.toLocaleString('en-US'), 'end'),
    );
  }
  return parts.join('\n');
}

function legend(brokers: readonly string[]): string {
  return brokers
    .map((broker, index) => {
      const x = MARGIN.left + index * 120;
      return `<rect x="${x}" y="36" width="12" height="12" fill="${colour(index)}"/>${text(x + 18, 46, broker, 'start')}`;
    })
    .join('\n');
}

function bars(plot: Plot, rows: readonly Row[], brokers: readonly string[], scale: Scale): string[] {
  const variants = [...new Set(rows.map((row) => row.variant))];
  const groupWidth = INNER_WIDTH / variants.length;
  const barWidth = (groupWidth * (1 - GROUP_GAP_PART)) / brokers.length;
  return variants.flatMap((variant, group) => {
    const left = MARGIN.left + group * groupWidth + (groupWidth * GROUP_GAP_PART) / 2;
    const label = text(left + (groupWidth * (1 - GROUP_GAP_PART)) / 2, HEIGHT - 24, variant, 'middle');
    const rects = rows
      .filter((row) => row.variant === variant)
      .map((row) => {
        const value = row.figures[plot.figure] ?? 0;
        const index = brokers.indexOf(row.broker);
        const y = yOf(value, scale);
        const title = `${row.broker}, ${variant}: ${Math.round(value).toLocaleString('en-US')}`;
        return (
          `<rect x="${(left + index * barWidth).toFixed(1)}" y="${y.toFixed(1)}" width="${(barWidth * 0.9).toFixed(1)}" ` +
          `height="${(MARGIN.top + INNER_HEIGHT - y).toFixed(1)}" fill="${colour(index)}"><title>${escape(title)}</title></rect>`
        );
      });
    return [label, ...rects];
  });
}

function lines(
  plot: Plot,
  along: string,
  rows: readonly Row[],
  brokers: readonly string[],
  scale: Scale,
): string[] {
  const values = [...new Set(rows.map((row) => row.figures[along] ?? 1))].sort((a, b) => a - b);
  const first = Math.log10(values[0] ?? 1);
  const span = Math.log10(values.at(-1) ?? 1) - first || 1;
  const xOf = (value: number): number => MARGIN.left + INNER_WIDTH * ((Math.log10(value) - first) / span);
  const labels = values.map((value) =>
    text(xOf(value), HEIGHT - 24, value.toLocaleString('en-US'), 'middle'),
  );
  const paths = brokers.map((broker, index) => {
    const points = rows
      .filter((row) => row.broker === broker)
      .map((row) => ({ x: xOf(row.figures[along] ?? 1), y: yOf(row.figures[plot.figure] ?? 0, scale) }))
      .sort((a, b) => a.x - b.x);
    const path = points.map(({ x, y }) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' ');
    const dots = points.map(
      ({ x, y }) => `<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${colour(index)}"/>`,
    );
    return `<polyline points="${path}" fill="none" stroke="${colour(index)}" stroke-width="2"/>${dots.join('')}`;
  });
  return [...labels, ...paths];
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
