// The form that sends a notification, and the command that does the same; both always say the same.

import { element } from '../../../src/view/element.ts';
import { attachCopy } from '../../frame/copy-button.ts';
import { sendCommand, type Draft } from '../send-command.ts';
import { nameOf } from '../user-name.ts';

export class SendForm {
  readonly #form = element('send-form', HTMLFormElement);
  readonly #other = element('send-other', HTMLInputElement);
  readonly #title = element('send-title', HTMLInputElement);
  readonly #text = element('send-text', HTMLTextAreaElement);
  readonly #result = element('send-result', HTMLElement);
  readonly #command = element('curl', HTMLPreElement);
  #user = '';

  attach(send: (draft: Draft) => Promise<void>): void {
    this.#form.addEventListener('input', () => this.#changed());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#send(send);
    });
    attachCopy(element('curl-copy', HTMLButtonElement), this.#command, element('curl-result', HTMLElement));
    // Who writes a name means it.
    this.#other.addEventListener('focus', () => {
      element('send-to-other', HTMLInputElement).checked = true;
      this.#changed();
    });
    this.#changed();
  }

  showUser(user: string): void {
    this.#user = user;
    element('send-me-name', HTMLElement).textContent = user;
    this.#changed();
  }

  #draft(): Draft | undefined {
    const to = new FormData(this.#form).get('to');
    const user = to === 'me' ? this.#user : to === 'other' ? nameOf(this.#other.value) : '';
    if (user === undefined) return undefined;
    return { to: user, title: this.#title.value.trim() || this.#title.placeholder, text: this.#text.value.trim() };
  }

  #changed(): void {
    const draft = this.#draft() ?? { to: 'name', title: this.#title.value.trim() || this.#title.placeholder, text: this.#text.value.trim() };
    this.#command.textContent = sendCommand(location.origin, draft);
  }

  async #send(send: (draft: Draft) => Promise<void>): Promise<void> {
    const draft = this.#draft();
    if (draft === undefined) {
      this.#say('A name has letters, digits and hyphens, at most 24 of them.', true);
      this.#other.focus();
      return;
    }
    try {
      await send(draft);
      this.#say(`Sent to ${draft.to === '' ? 'everybody' : draft.to}.`, false);
    } catch (error) {
      this.#say(`Not sent: ${(error as { message?: string }).message ?? 'no connection'}.`, true);
    }
  }

  #say(words: string, isBad: boolean): void {
    this.#result.textContent = words;
    this.#result.classList.toggle('bad', isBad);
  }
}
