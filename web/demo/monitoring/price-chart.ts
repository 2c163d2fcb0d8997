// The chart of the chosen instrument: a point for each of fifty messages a second, drawn once a frame.

import uPlot from 'uplot';

/** Half a minute; a page that has just come shows less, and begins with this. */
export const SHOWN_S = 30;
const SHOWN_MIN_S = 9;
/** Without motion the picture stands still for so long. */
const CALM_MS = 1_000;

export class PriceChart {
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)');
  #plot: uPlot | undefined;
  #drawnMs = 0;

  constructor(readonly frame: HTMLElement) {
    this.#rebuild();
    new ResizeObserver(() => this.#plot?.setSize({ width: frame.clientWidth, height: frame.clientHeight })).observe(frame);
    // The canvas holds colours, not style sheets: it is made anew when they change.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild());
  }

  /** Times and prices as they lie in a trace; `nowS` is where the picture ends. */
  draw(seconds: Float64Array, prices: Float64Array, nowS: number, frameMs: number): void {
    if (this.#calm.matches && frameMs - this.#drawnMs < CALM_MS) return;
    this.#drawnMs = frameMs;
    const plot = this.#plot;
    if (plot === undefined) return;
    plot.batch(() => {
      plot.setData([seconds, prices], false);
      const past = nowS - (seconds[0] ?? nowS);
      plot.setScale('x', { min: nowS - Math.min(SHOWN_S, Math.max(SHOWN_MIN_S, past)), max: nowS });
    });
  }

  #rebuild(): void {
    this.#plot?.destroy();
    this.#plot = new uPlot(optionsFor(this.frame), [[], []], this.frame);
  }
}

function optionsFor(frame: HTMLElement): uPlot.Options {
  const style = getComputedStyle(frame);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: colour('--muted'),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width: frame.clientWidth,
    height: frame.clientHeight,
    padding: [10, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false },
      // A calm price must not look like a storm: at least a quarter of a percent is shown.
      y: { range: (_plot, min, max) => padded(min, max) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        // Where the picture ends is no room for half of a word.
        splits: (_plot, _axis, min, max) => AGES_S.filter((age) => age < max - min - 1).map((age) => max - Math.max(age, (max - min) / 60)),
        values: (plot, splits) => splits.map((at) => ageOf((plot.scales.x?.max ?? at) - at)),
      },
      { ...axis, size: 56, space: 32, values: (_plot, splits) => splits.map((price) => price.toFixed(2)) },
    ],
    series: [
      {},
      { stroke: colour('--accent'), fill: colour('--accent-wash'), width: 1.75, points: { show: false } },
    ],
  };
}

/** The words below the chart. */
const AGES_S = [0, 5, 10, 15, 20, 25] as const;

function ageOf(seconds: number): string {
  return seconds < 2 ? 'now' : `${Math.round(seconds)} s ago`;
}

function padded(min: number | null, max: number | null): [number, number] {
  if (min === null || max === null) return [0, 1];
  const spare = Math.max((max - min) * 0.12, ((max + min) / 2) * 0.00125);
  return [min - spare, max + spare];
}
