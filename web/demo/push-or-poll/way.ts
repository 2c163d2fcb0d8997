// What each way of listening tells of what happens to it.

export interface Taking {
  /** An HTTP request has gone out. */
  asked(address: string): void;
  /** Bytes went over the line. */
  passed(bytes: number): void;
  value(data: unknown, offset: number): void;
  /** An answer without a value. */
  nothing(): void;
  failed(why: string): void;
  /** What failed works again. */
  well(): void;
}

/** A value of the curve, and when it was made by the server's clock. */
export interface Value {
  readonly v: number;
  readonly at: number;
}

export function valueOf(data: unknown): Value | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { v, at } = data as Record<string, unknown>;
  return typeof v === 'number' && typeof at === 'number' ? { v, at } : undefined;
}
