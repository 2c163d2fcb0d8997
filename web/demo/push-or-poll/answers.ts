// The sizes of answers, from the browser itself (Resource Timing), as it has measured them.

import { WAIT_S } from './asking.ts';

export type Asker = 'long-poll' | 'poll';

/** Whose answer this was; undefined: of neither, or of a channel that is not followed any more. */
export function askerOf(address: string, channel: string): Asker | undefined {
  const url = new URL(address, 'http://localhost');
  if (url.pathname !== '/connection/poll' || url.searchParams.get('channels') !== channel) return undefined;
  return url.searchParams.get('wait') === String(WAIT_S) ? 'long-poll' : 'poll';
}

/**
 * Tells of each answer that has come; `received` are bytes. The list that a browser keeps is full after 250 of them; who
 * observes is told of the others, too.
 */
export function watchAnswers(tell: (address: string, received: number) => void): void {
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (entry instanceof PerformanceResourceTiming) tell(entry.name, entry.transferSize);
    }
  });
  observer.observe({ type: 'resource' });
}
