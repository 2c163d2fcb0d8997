// This machine: a bar for each processor and for the memory, and the last two minutes of all processors as a line.

import uPlot from 'uplot';

import type { Machine } from './feed.ts';
import { formatBytes } from './size.ts';

const KEPT = 240;
const SHOWN_MIN_S = 20;

export class MachineView {
  readonly #seconds: number[] = [];
  readonly #loads: number[] = [];
  #plot: uPlot | undefined;

  constructor(
    readonly bars: HTMLElement,
    readonly figures: Readonly<Record<'memory' | 'received' | 'sent' | 'server', HTMLElement>>,
    readonly frame: HTMLElement,
  ) {
    this.#rebuild();
    new ResizeObserver(() => this.#plot?.setSize({ width: frame.clientWidth, height: frame.clientHeight })).observe(frame);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#rebuild());
  }

  /** What the history kept, oldest first: with what has come meanwhile. */
  fill(past: readonly Machine[]): void {
    this.#seconds.length = 0;
    this.#loads.length = 0;
    for (const machine of past) this.#keep(machine);
    const latest = past.at(-1);
    if (latest !== undefined) this.show(latest);
  }

  show(machine: Machine): void {
    this.#keep(machine);
    const { cpu, memory, network, server } = machine;
    this.#showBars(cpu);
    this.figures.memory.textContent = `${formatBytes(memory[0])} of ${formatBytes(memory[1])}`;
    this.figures.received.textContent = `${formatBytes(network[0])}/s`;
    this.figures.sent.textContent = `${formatBytes(network[1])}/s`;
    this.figures.server.textContent = `${Math.round(server[0])} % of a core, ${formatBytes(server[1])}`;
    this.#draw();
  }

  #keep({ t, cpu }: Machine): void {
    const seconds = t / 1000;
    if (cpu.length === 0 || seconds <= (this.#seconds.at(-1) ?? 0)) return;
    this.#seconds.push(seconds);
    this.#loads.push(cpu.reduce((sum, percent) => sum + percent, 0) / cpu.length);
    if (this.#seconds.length > KEPT) {
      this.#seconds.shift();
      this.#loads.shift();
    }
  }

  #showBars(cpu: readonly number[]): void {
    if (this.bars.childElementCount !== cpu.length) this.bars.replaceChildren(...cpu.map((_, index) => bar(index)));
    for (const [index, percent] of cpu.entries()) {
      const item = this.bars.children[index];
      const meter = item?.querySelector('meter');
      const text = item?.querySelector('span');
      if (meter) meter.value = percent;
      if (text) text.textContent = `${percent} %`;
    }
  }

  #draw(): void {
    const end = this.#seconds.at(-1) ?? 0;
    const plot = this.#plot;
    plot?.batch(() => {
      plot.setData([this.#seconds, this.#loads], false);
      // A server that has just started has no two minutes to show.
      const past = end - (this.#seconds[0] ?? end);
      plot.setScale('x', { min: end - Math.min(KEPT / 2, Math.max(SHOWN_MIN_S, past)), max: end });
    });
  }

  #rebuild(): void {
    this.#plot?.destroy();
    const style = getComputedStyle(this.frame);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const series = { stroke: colour('--channel-3'), fill: `color-mix(in srgb, ${colour('--channel-3')} 16%, transparent)`, width: 1.5, points: { show: false } };
    const options: uPlot.Options = {
      width: this.frame.clientWidth,
      height: this.frame.clientHeight,
      padding: [6, 0, 7, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { range: [0, 100] } },
      axes: [
        { show: false },
        {
          stroke: colour('--muted'),
          font: `11px ${style.fontFamily}`,
          grid: { stroke: colour('--line'), width: 1 },
          ticks: { show: false },
          size: 42,
          splits: () => [0, 50, 100],
          values: () => ['0 %', '50 %', '100 %'],
        },
      ],
      series: [{}, series],
    };
    this.#plot = new uPlot(options, [this.#seconds, this.#loads], this.frame);
  }
}

function bar(index: number): HTMLElement {
  const item = document.createElement('li');
  const label = document.createElement('label');
  label.append(`Processor ${index + 1}`);
  const meter = document.createElement('meter');
  [meter.min, meter.max, meter.high, meter.optimum] = [0, 100, 90, 0];
  label.append(meter);
  const text = document.createElement('span');
  item.append(label, text);
  return item;
}
