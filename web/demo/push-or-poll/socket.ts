// The page's WebSocket, with a count beside it: the client is given this class in place of the browser's.

import { frameBytes, textBytes } from './sizes.ts';

export interface SocketObserver {
  opened(): void;
  passed(bytes: number): void;
}

export function countedSocket(base: typeof WebSocket, observer: SocketObserver): typeof WebSocket {
  return class extends base {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      observer.opened();
      this.addEventListener('message', ({ data }) => observer.passed(frameBytes(sizeOf(data), false)));
    }

    override send(data: string | ArrayBufferLike | Blob | ArrayBufferView<ArrayBuffer>): void {
      observer.passed(frameBytes(sizeOf(data), true));
      super.send(data as string);
    }
  };
}

/** Here everything is JSON; anything else is not counted. */
function sizeOf(data: unknown): number {
  return typeof data === 'string' ? textBytes(data) : 0;
}
