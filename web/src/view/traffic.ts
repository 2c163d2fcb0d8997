// Messages a second as figures and as a chart, drawn anew once a second.

import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { LatencyWindow, formatLatency } from '../latency.ts';
import { RateWindow, WINDOW_S, type RateSeries } from '../rate.ts';
import { element } from './element.ts';

const HEIGHT_PX = 150;
/** An axis that ends at one message a second would make a single message look like a flood. */
const AXIS_MIN = 10;

export class Traffic {
  readonly #now = element('rate-now', HTMLElement);
  readonly #peak = element('rate-peak', HTMLElement);
  readonly #received = element('received', HTMLElement);
  readonly #median = element('latency-median', HTMLElement);
  readonly #p99 = element('latency-p99', HTMLElement);
  readonly #frame = element('chart', HTMLElement);
  readonly #rate = new RateWindow();
  readonly #latency = new LatencyWindow();
  /** Seconds before now: −120 … −1. */
  readonly #seconds = Array.from({ length: WINDOW_S }, (_, index) => index - WINDOW_S);
  #chart: uPlot | undefined;
  #total = 0;

  attach(): void {
    this.#rebuild();
    new ResizeObserver(() => this.#chart?.setSize({ width: this.#frame.clientWidth, height: HEIGHT_PX })).observe(this.#frame);
    // The canvas holds colours, not style sheets: it is made anew when they change.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild());
    setInterval(() => this.#show(), 1_000);
  }

  count(latencyMs: number | undefined): void {
    this.#total += 1;
    this.#rate.count(performance.now());
    if (latencyMs !== undefined) this.#latency.add(latencyMs);
  }

  #show(): void {
    const series = this.#rate.series(performance.now());
    const latency = this.#latency.summary();
    this.#now.textContent = series.latest.toLocaleString('en');
    this.#peak.textContent = series.peak.toLocaleString('en');
    this.#received.textContent = this.#total.toLocaleString('en');
    this.#median.textContent = latency === undefined ? '–' : formatLatency(latency.medianMs);
    this.#p99.textContent = latency === undefined ? '–' : formatLatency(latency.p99Ms);
    this.#frame.setAttribute('aria-label', spokenChart(series));
    this.#chart?.setData([this.#seconds, series.perSecond]);
  }

  #rebuild(): void {
    this.#chart?.destroy();
    this.#chart = new uPlot(chartOptions(this.#frame), [this.#seconds, this.#rate.series(performance.now()).perSecond], this.#frame);
  }
}

function spokenChart({ latest, peak }: RateSeries): string {
  return `Messages a second over the last two minutes: now ${latest}, at most ${peak}`;
}

function chartOptions(frame: HTMLElement): uPlot.Options {
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
    height: HEIGHT_PX,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: [-WINDOW_S, -1] },
      y: { range: (_chart, _min, max) => [0, Math.max(AXIS_MIN, Math.ceil(max * 1.15))] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        splits: () => [-90, -60, -30, -1],
        values: (_chart, splits) => splits.map((second) => (second === -1 ? 'now' : `${-second} s ago`)),
      },
      { ...axis, size: 42, space: 36, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
    ],
    series: [
      {},
      {
        stroke: colour('--accent'),
        fill: colour('--accent-wash'),
        width: 1.75,
        points: { show: false },
      },
    ],
  };
}
