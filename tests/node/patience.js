// Waiting that ends.

import { setTimeout as pause } from 'node:timers/promises';

export { pause };

/** The promise's value, or an error that names what was awaited. */
export async function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until `holds` returns something true, and returns that. */
export async function until(holds, what, ms = 10_000) {
  const end = Date.now() + ms;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(10);
  }
}

/** The next event of that name, as the context its handler gets. */
export function next(emitter, name, ms = 10_000) {
  return within(ms, new Promise((resolve) => emitter.once(name, resolve)), `event ${name}`);
}

/** The first event that comes of several: its name and its context. */
export async function first(emitter, names, ms = 10_000) {
  const listeners = new Map();
  const event = new Promise((resolve) => {
    for (const name of names) {
      listeners.set(name, (context) => resolve({ name, context }));
      emitter.on(name, listeners.get(name));
    }
  });
  try {
    return await within(ms, event, `one of ${names.join(', ')}`);
  } finally {
    for (const [name, listener] of listeners) emitter.off(name, listener);
  }
}
