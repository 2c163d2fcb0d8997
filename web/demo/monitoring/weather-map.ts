// The weather map: the country's outline and what each station measures, on a canvas. Beside it the same as a table.

import { ASPECT, OUTLINE, placeOn } from './country.ts';
import type { Station, Weather } from './feed.ts';
import { WarmthField } from './warmth-field.ts';

const DOT_PX = 3;

export class WeatherMap {
  readonly #context: CanvasRenderingContext2D | null;
  readonly #rows: HTMLTableSectionElement;
  readonly #field = new WarmthField();
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
    const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
    drawSea(context, width, colour('--shore'));
    context.save();
    drawLand(context, width, colour('--land'), colour('--shore'), () => {
      context.globalAlpha = isDark ? 0.5 : 0.6;
      this.#field.draw(context, width, this.#stations, isDark ? 0.42 : 0.68);
    });
    context.restore();
    for (const station of this.#stations) drawStation(context, width, station, colour('--ink'), colour('--surface'), style.fontFamily);
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

/** The lines of every second degree. */
function drawSea(context: CanvasRenderingContext2D, width: number, line: string): void {
  context.strokeStyle = line;
  context.globalAlpha = 0.3;
  context.lineWidth = 1;
  context.beginPath();
  for (let longitude = -24; longitude <= -14; longitude += 2) {
    const [x] = placeOn(width, longitude, 65);
    context.moveTo(x, 0);
    context.lineTo(x, width / ASPECT);
  }
  for (let latitude = 64; latitude <= 66; latitude += 1) {
    const [, y] = placeOn(width, -19, latitude);
    context.moveTo(0, y);
    context.lineTo(width, y);
  }
  context.stroke();
  context.globalAlpha = 1;
}

/** `cover` draws what lies on the land and nowhere else. */
function drawLand(context: CanvasRenderingContext2D, width: number, land: string, shore: string, cover: () => void): void {
  const outline = new Path2D();
  for (const [longitude, latitude] of OUTLINE) outline.lineTo(...placeOn(width, longitude, latitude));
  outline.closePath();
  context.lineJoin = 'round';
  // Shallow water, and the coast.
  context.strokeStyle = shore;
  context.globalAlpha = 0.18;
  context.lineWidth = 9;
  context.stroke(outline);
  context.globalAlpha = 1;
  context.fillStyle = land;
  context.fill(outline);
  context.save();
  context.clip(outline);
  cover();
  context.restore();
  context.lineWidth = 1.25;
  context.stroke(outline);
}

function drawStation(
  context: CanvasRenderingContext2D,
  width: number,
  [, longitude, latitude, warmth, wind, from]: Station,
  ink: string,
  halo: string,
  font: string,
): void {
  const [x, y] = placeOn(width, longitude, latitude);
  drawWind(context, x, y, wind, ((from + 90) * Math.PI) / 180, ink);
  context.beginPath();
  context.arc(x, y, DOT_PX, 0, 2 * Math.PI);
  context.fillStyle = ink;
  context.strokeStyle = halo;
  context.lineWidth = 1.5;
  context.fill();
  context.stroke();
  // Above the station, or below it where the arrow flies up.
  const isAbove = Math.sin(((from + 90) * Math.PI) / 180) > -0.2;
  context.font = `650 12px ${font}`;
  context.textAlign = 'center';
  context.textBaseline = isAbove ? 'bottom' : 'top';
  context.lineWidth = 3;
  context.lineJoin = 'round';
  const at = [`${degrees(warmth)}°`, x + 1, y + (isAbove ? -DOT_PX - 2 : DOT_PX + 3)] as const;
  context.globalAlpha = 0.75;
  context.strokeText(...at);
  context.globalAlpha = 1;
  context.fillStyle = ink;
  context.fillText(...at);
}

/** `to`: where it blows to, in radians from the east. */
function drawWind(context: CanvasRenderingContext2D, x: number, y: number, wind: number, to: number, colour: string): void {
  if (wind === 0) return;
  const length = DOT_PX + 6 + wind * 0.9;
  context.save();
  context.translate(x, y);
  context.rotate(to);
  context.strokeStyle = colour;
  context.globalAlpha = 0.75;
  context.lineWidth = 1.5;
  context.lineCap = 'round';
  context.beginPath();
  context.moveTo(0, 0);
  context.lineTo(length, 0);
  context.moveTo(length - 4, -3);
  context.lineTo(length, 0);
  context.lineTo(length - 4, 3);
  context.stroke();
  context.restore();
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
