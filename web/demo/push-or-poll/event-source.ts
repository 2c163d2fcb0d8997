// Server-sent events: the browser's own EventSource, which comes back by itself and says where it was.

import { ANSWER_HEAD_BYTES, eventBytes } from './sizes.ts';
import type { Taking } from './way.ts';

interface Push {
  readonly pub?: { readonly data: unknown; readonly offset?: number };
}

export class Events {
  readonly #source: EventSource;

  constructor(channel: string, taking: Taking) {
    const address = `/connection/uni_sse?channels=${channel}`;
    // [how SSE: one request, and an answer that does not end
    const source = new EventSource(address);
    source.addEventListener('message', ({ data, lastEventId }) => {
      const { pub } = JSON.parse(data) as Push;
      taking.passed(eventBytes(data, pub === undefined ? '' : lastEventId));
      if (pub !== undefined) taking.value(pub.data, pub.offset ?? 0);
    });
    // how]
    taking.asked(address);
    let isFirst = true;
    source.addEventListener('open', () => {
      // An attempt of the browser's own is a request as well.
      if (!isFirst) taking.asked(address);
      isFirst = false;
      taking.passed(ANSWER_HEAD_BYTES);
      taking.well();
    });
    source.addEventListener('error', () => {
      const isOver = source.readyState === EventSource.CLOSED;
      taking.failed(isOver ? 'this server has it switched off, or refuses' : 'coming back');
    });
    this.#source = source;
  }

  end(): void {
    this.#source.close();
  }
}
