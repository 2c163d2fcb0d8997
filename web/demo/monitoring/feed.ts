// What the back end publishes, as it is written in examples/demo_market.rs, demo_weather.rs and demo_machine.rs.

/** `market:<sector>`: the prices of a whole sector, in hundredths. `n` counts the sector's messages. */
export interface Prices {
  readonly n: number;
  readonly t: number;
  readonly p: readonly number[];
}

/** `quotes:board`: of every instrument, sector by sector: symbol, open, high, low. */
export interface Quotes {
  readonly t: number;
  readonly sectors: readonly string[];
  readonly rows: readonly (readonly [symbol: string, open: number, high: number, low: number])[];
}

/** Name, longitude, latitude, tenths of a degree, wind in m/s, where it comes from in degrees. */
export type Station = readonly [name: string, longitude: number, latitude: number, warmth: number, wind: number, from: number];

/** `weather:map`. */
export interface Weather {
  readonly t: number;
  readonly stations: readonly Station[];
}

/** `machine:now`: percent of each processor; bytes used and all; bytes a second in and out; the server: percent, bytes. */
export interface Machine {
  readonly t: number;
  readonly cpu: readonly number[];
  readonly memory: readonly [used: number, all: number];
  readonly network: readonly [received: number, sent: number];
  readonly server: readonly [percent: number, bytes: number];
}
