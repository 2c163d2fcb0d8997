// A button that puts the text of an element on the clipboard.

const TOLD_MS = 2_000;

/** `spoken` is what a screen reader is told by, an element with the role `status`. */
export function attachCopy(button: HTMLButtonElement, source: HTMLElement, spoken: HTMLElement): void {
  const label = button.textContent ?? '';
  button.addEventListener('click', () => {
    void copied(source).then((isCopied) => {
      button.textContent = isCopied ? 'Copied' : 'Selected';
      spoken.textContent = isCopied ? 'It is on the clipboard.' : 'It is selected: copy it with the keyboard.';
      setTimeout(() => {
        button.textContent = label;
        spoken.textContent = '';
      }, TOLD_MS);
    });
  });
}

/** The clipboard is there only over TLS or on localhost; elsewhere the text is selected instead. */
async function copied(source: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(source.textContent ?? '');
    return true;
  } catch {
    getSelection()?.selectAllChildren(source);
    return false;
  }
}
