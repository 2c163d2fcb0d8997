// Elements made by script. Text goes in as text: what somebody has written is never markup.

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...content: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className !== '') made.className = className;
  made.append(...content);
  return made;
}

export function button(words: string, press: () => void): HTMLButtonElement {
  const made = make('button', 'quiet', words);
  made.type = 'button';
  made.addEventListener('click', press);
  return made;
}

const HUES = 6;

/** The same person has the same colour on every page. */
export function hueOf(user: string): string {
  let sum = 0;
  for (const character of user) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return `hue-${sum % HUES}`;
}

/** A round picture for somebody who has none: the first letters of the name. */
export function portrait(user: string, name: string): HTMLElement {
  const letters = name.split(/\s+/).slice(0, 2).map((word) => [...word][0] ?? '').join('');
  const made = make('span', `portrait ${user === '' ? 'hue-server' : hueOf(user)}`, letters.toUpperCase());
  made.setAttribute('aria-hidden', 'true');
  return made;
}

/** Ten past nine is 09:10, wherever it is. */
export function timeElement(atMs: number): HTMLTimeElement {
  const at = new Date(atMs);
  const made = make('time', '', at.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }));
  made.dateTime = at.toISOString();
  return made;
}
