// The connection at the top of the page: the phase in words, the facts, and the buttons that change it.

import type { Connection, Phase } from '../connection.ts';
import { describe } from '../reason.ts';
import { element } from './element.ts';

const TRANSPORTS: Readonly<Record<string, string>> = { websocket: 'WebSocket', sse: 'EventSource', http_stream: 'HTTP stream' };

export class Status {
  readonly #phase = element('phase', HTMLElement);
  readonly #text = element('phase-text', HTMLElement);
  readonly #facts = element('phase-facts', HTMLElement);
  readonly #retry = element('retry', HTMLButtonElement);
  readonly #switch = element('connect-switch', HTMLButtonElement);
  #countdown: ReturnType<typeof setInterval> | undefined;
  #ended = false;

  attach(connection: Connection): void {
    this.#retry.addEventListener('click', () => connection.retryNow());
    this.#switch.addEventListener('click', () => {
      if (this.#ended) connection.connect();
      else connection.disconnect();
    });
  }

  show(phase: Phase): void {
    clearInterval(this.#countdown);
    this.#ended = phase.name === 'ended';
    this.#phase.dataset.phase = phase.name;
    this.#switch.textContent = this.#ended ? 'Connect' : 'Disconnect';
    this.#showRetry(phase.name === 'waiting');
    this.#facts.textContent = factsOf(phase);
    if (phase.name === 'waiting') {
      const tick = () => (this.#text.textContent = countdownText(phase.retryAtMs - Date.now()));
      tick();
      this.#countdown = setInterval(tick, 200);
    } else {
      this.#text.textContent = titleOf(phase);
    }
  }

  /** A button that goes away hands its focus on, so that the keyboard does not fall back to the top. */
  #showRetry(shown: boolean): void {
    if (!shown && document.activeElement === this.#retry) this.#switch.focus();
    this.#retry.hidden = !shown;
  }
}

/** For the list of events and for screen readers; undefined where nothing new is to be told. */
export function sentenceOf(phase: Phase): string | undefined {
  switch (phase.name) {
    case 'connecting':
      return undefined;
    case 'connected':
      return `Connected over ${transportName(phase.transport)}.`;
    case 'waiting':
      return `Connection lost: ${describe(phase.code, phase.reason)}`;
    case 'ended':
      return phase.asked ? 'Disconnected by you.' : `Ended by the server: ${describe(phase.code, phase.reason)}`;
  }
}

function titleOf(phase: Exclude<Phase, { name: 'waiting' }>): string {
  if (phase.name === 'connecting') return 'Connecting…';
  if (phase.name === 'connected') return 'Connected';
  return 'Disconnected';
}

function factsOf(phase: Phase): string {
  switch (phase.name) {
    case 'connecting':
      return '';
    case 'connected':
      return `${transportName(phase.transport)} · client ${phase.clientId}`;
    case 'waiting':
      return capitalised(describe(phase.code, phase.reason));
    case 'ended':
      return phase.asked ? 'By you' : capitalised(describe(phase.code, phase.reason));
  }
}

function countdownText(remainingMs: number): string {
  return `Trying again in ${Math.max(1, Math.ceil(remainingMs / 1000))} s`;
}

function transportName(transport: string): string {
  const name = TRANSPORTS[transport] ?? transport;
  return location.protocol === 'https:' ? `${name} over TLS` : name;
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
