// The button that asks for notifications of the desktop, and what the browser says about them.

import { element } from '../../../src/view/element.ts';
import { askPermission, permission, type Permission } from '../desktop.ts';

const WORDS: Readonly<Record<Permission, string>> = {
  default: 'Also on your desktop, while this tab is in the background.',
  granted: 'On your desktop, too, while this tab is in the background.',
  denied: 'Your browser does not let this page show notifications on the desktop.',
  unsupported: 'This browser shows no notifications on the desktop.',
};

export class DesktopSwitch {
  readonly #button = element('desktop-ask', HTMLButtonElement);
  readonly #words = element('desktop-words', HTMLElement);

  attach(): void {
    this.#button.addEventListener('click', () => void askPermission().then(() => this.#show()));
    this.#show();
  }

  #show(): void {
    const now = permission();
    this.#words.textContent = WORDS[now];
    this.#button.hidden = now !== 'default';
  }
}
