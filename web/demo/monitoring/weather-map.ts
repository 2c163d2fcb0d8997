// The weather map: the country's outline and what each station measures, on a canvas. Beside it the same as a table.

import { ASPECT, OUTLINE, hueOf, placeOn } from './country.ts';
import type { Station, Weather } from './feed.ts';

const DOT_PX = 5;

export class WeatherMap {
  readonly #context: CanvasRenderingContext2D | null;
  readonly #rows: HTMLTableSectionElement;
  #stations: readonly Station[] = [];

  constructor(
    readonly canvas: HTMLCanvasElement,
    readonly table: HTMLTableElement,
  ) {
    this.#context = canvas.getContext('2d');
    this.#rows = table.createTBody();
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#draw());
    table.closest('details')?.addEventListener('toggle', () => this.#tabulate());
  }

  show({ stations }: Weather): void {
    this.#stations = stations;
    this.canvas.setAttribute('aria-label', spoken(stations));
    this.#draw();
    this.#tabulate();
  }

  #draw(): void {
    const context = this.#context;
    const width = this.canvas.clientWidth;
    if (context === null || width === 0) return;
    const scale = window.devicePixelRatio;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round((width / ASPECT) * scale);
    context.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    drawLand(context, width, colour('--land'), colour('--shore'));
    const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
    for (const station of this.#stations) drawStation(context, width, station, colour('--ink'), isDark, style.fontFamily);
  }

  /** A closed table costs nothing. */
  #tabulate(): void {
    if (this.table.closest('details')?.open !== true) return;
    this.#rows.replaceChildren(
      ...this.#stations.map(([name, , , warmth, wind, from]) => {
        const row = document.createElement('tr');
        const head = document.createElement('th');
        head.scope = 'row';
        head.textContent = name;
        row.append(head, cell(`${degrees(warmth)} °C`), cell(`${wind} m/s`), cell(`${from}°`));
        return row;
      }),
    );
  }
}

function drawLand(context: CanvasRenderingContext2D, width: number, land: string, shore: string): void {
  context.beginPath();
  for (const [longitude, latitude] of OUTLINE) context.lineTo(...placeOn(width, longitude, latitude));
  context.closePath();
  context.fillStyle = land;
  context.fill();
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.strokeStyle = shore;
  context.stroke();
}

function drawStation(
  context: CanvasRenderingContext2D,
  width: number,
  [, longitude, latitude, warmth, wind, from]: Station,
  ink: string,
  isDark: boolean,
  font: string,
): void {
  const [x, y] = placeOn(width, longitude, latitude);
  const colour = `hsl(${hueOf(warmth)} 75% ${isDark ? 62 : 42}%)`;
  // The wind blows from there to the other side: the tail points to where it comes from.
  const angle = ((from - 90) * Math.PI) / 180;
  const length = DOT_PX + 3 + wind * 0.9;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.lineCap = 'round';
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x + Math.cos(angle) * length, y + Math.sin(angle) * length);
  context.stroke();
  context.beginPath();
  context.arc(x, y, DOT_PX, 0, 2 * Math.PI);
  context.fillStyle = colour;
  context.fill();
  context.font = `600 11.5px ${font}`;
  context.textAlign = 'center';
  context.textBaseline = Math.sin(angle) > 0 ? 'bottom' : 'top';
  context.fillStyle = ink;
  context.fillText(`${degrees(warmth)}°`, x, y + (Math.sin(angle) > 0 ? -DOT_PX - 3 : DOT_PX + 4));
}

function degrees(tenths: number): string {
  return (tenths / 10).toFixed(0).replace('-', '−').replace('−0', '0');
}

function cell(text: string): HTMLTableCellElement {
  const made = document.createElement('td');
  made.textContent = text;
  return made;
}

function spoken(stations: readonly Station[]): string {
  const warmest = stations.reduce((best, station) => (station[3] > best[3] ? station : best), stations[0] ?? ['', 0, 0, 0, 0, 0]);
  const windiest = stations.reduce((best, station) => (station[4] > best[4] ? station : best), warmest);
  return (
    `Map of ${stations.length} weather stations. Warmest: ${warmest[0]}, ${degrees(warmest[3])} degrees. ` +
    `Windiest: ${windiest[0]}, ${windiest[4]} metres a second.`
  );
}
