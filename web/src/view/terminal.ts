// The curl command, always for the channel chosen in the box above it, and a button that copies it.

import { curlCommand } from '../curl.ts';
import { element } from './element.ts';

/** For the command while this page is in no channel. */
const EXAMPLE_CHANNEL = 'demo';

export class Terminal {
  readonly #command = element('curl', HTMLPreElement);
  readonly #key = element('curl-key', HTMLInputElement);
  readonly #time = element('curl-time', HTMLInputElement);
  readonly #copy = element('curl-copy', HTMLButtonElement);
  readonly #result = element('curl-result', HTMLElement);
  #channel = EXAMPLE_CHANNEL;

  attach(): void {
    this.#key.addEventListener('change', () => this.#show());
    this.#time.addEventListener('change', () => this.#show());
    this.#copy.addEventListener('click', () => void this.#copyCommand());
  }

  showChannel(channel: string): void {
    this.#channel = channel === '' ? EXAMPLE_CHANNEL : channel;
    this.#show();
  }

  #show(): void {
    this.#command.textContent = curlCommand({
      origin: location.origin,
      channel: this.#channel,
      apiKey: this.#key.checked,
      timeStamp: this.#time.checked,
    });
  }

  async #copyCommand(): Promise<void> {
    const done = await copy(this.#command);
    this.#copy.textContent = done ? 'Copied' : 'Selected';
    this.#result.textContent = done ? 'Copied.' : 'The command is selected: copy it with the keyboard.';
    setTimeout(() => {
      this.#copy.textContent = 'Copy';
      this.#result.textContent = '';
    }, 2_000);
  }
}

/** The clipboard is there only over TLS or on localhost; elsewhere the text is selected instead. */
async function copy(source: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(source.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(source);
    return false;
  }
}
