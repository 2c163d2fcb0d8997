// A queue that keeps the newest `capacity` items and drops the oldest: what no screen will show is
// not worth memory.

export class Ring<T> {
  #items: T[] = [];
  /** Where the oldest item lies once the ring is full. */
  #start = 0;

  constructor(readonly capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError('capacity must be at least 1');
  }

  get length(): number {
    return this.#items.length;
  }

  /** Adds one item; says whether the oldest had to go for it. */
  push(item: T): boolean {
    if (this.#items.length < this.capacity) {
      this.#items.push(item);
      return false;
    }
    this.#items[this.#start] = item;
    this.#start = (this.#start + 1) % this.capacity;
    return true;
  }

  /** Everything, oldest first. */
  items(): T[] {
    return [...this.#items.slice(this.#start), ...this.#items.slice(0, this.#start)];
  }

  /** Takes everything out, oldest first. */
  drain(): T[] {
    const items = this.items();
    this.#items = [];
    this.#start = 0;
    return items;
  }
}
