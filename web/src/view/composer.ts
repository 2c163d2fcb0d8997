// The box to publish from the page, through the connection that is open anyway.

import type { Centrifuge } from 'centrifuge';

import type { Channel } from '../channels.ts';
import { clock } from '../clock.ts';
import { formatLatency } from '../latency.ts';
import { jsonPayload, textPayload } from '../payload.ts';
import { describe } from '../reason.ts';
import { element } from './element.ts';

const BURST = 100;
const BURST_GAP_MS = 20;

export class Composer {
  readonly #form = element('publish-form', HTMLFormElement);
  readonly #channel = element('publish-channel', HTMLSelectElement);
  readonly #text = element('publish-text', HTMLTextAreaElement);
  readonly #json = element('publish-json', HTMLInputElement);
  readonly #burst = element('publish-burst', HTMLButtonElement);
  readonly #result = element('publish-result', HTMLElement);

  get channel(): string {
    return this.#channel.value;
  }

  attach(client: Centrifuge, channelChosen: () => void): void {
    this.#channel.addEventListener('change', channelChosen);
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#publishOne(client);
    });
    this.#text.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#burst.addEventListener('click', () => void this.#publishBurst(client));
  }

  showChannels(channels: readonly Channel[]): void {
    const chosen = this.#channel.value;
    const names = channels.map(({ name }) => name);
    const shown = [...this.#channel.options].map(({ value }) => value);
    if (names.join('\n') === shown.join('\n')) return;
    this.#channel.replaceChildren(...names.map((name) => new Option(name, name)));
    if (names.includes(chosen)) this.#channel.value = chosen;
  }

  async #publishOne(client: Centrifuge): Promise<void> {
    const text = this.#text.value;
    if (this.channel === '') return this.#say('Join a channel first.', true);
    if (text.trim() === '') return this.#say('There is nothing to send yet.', true);
    const payload = this.#json.checked ? jsonPayload(text) : { data: textPayload(text, clock.nowMs()) };
    if ('problem' in payload) return this.#say(payload.problem, true);
    const startMs = clock.nowMs();
    try {
      await client.publish(this.channel, payload.data);
      this.#text.value = '';
      this.#say(`The server confirmed it after ${formatLatency(clock.nowMs() - startMs)}.`, false);
    } catch (error) {
      this.#say(`Not published: ${refusal(error)}`, true);
    }
  }

  /** One every 20 ms, each with its own time stamp: something for the chart to show. */
  async #publishBurst(client: Centrifuge): Promise<void> {
    const { channel } = this;
    if (channel === '') return this.#say('Join a channel first.', true);
    this.#burst.disabled = true;
    this.#say(`Sending ${BURST}…`, false);
    const sent = [];
    for (let number = 1; number <= BURST; number += 1) {
      sent.push(client.publish(channel, textPayload(`Message ${number} of ${BURST}`, clock.nowMs())));
      await new Promise((resolve) => setTimeout(resolve, BURST_GAP_MS));
    }
    const results = await Promise.allSettled(sent);
    const refused = results.filter((result) => result.status === 'rejected');
    const why = refused[0] === undefined ? '' : ` ${refused.length} refused: ${refusal(refused[0].reason)}`;
    this.#say(`The server confirmed ${BURST - refused.length} of ${BURST}.${why}`, refused.length > 0);
    this.#burst.disabled = false;
  }

  #say(sentence: string, bad: boolean): void {
    this.#result.textContent = sentence;
    this.#result.classList.toggle('bad', bad);
  }
}

function refusal(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'number' ? describe(code, String(message ?? '')) : String(message ?? error);
}
