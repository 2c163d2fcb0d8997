// Keys, mouse and fingers on the canvas, handed to the steering.

import type { Steering } from './steering.ts';

/** `acted` hears of each event with its time: the delay to the screen begins there. */
export function attachControls(canvas: HTMLCanvasElement, steering: Steering, acted: (atMs: number) => void): void {
  const place = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top] as const;
  };
  canvas.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || !steering.press(event.code)) return;
    event.preventDefault();
    if (!event.repeat) acted(event.timeStamp);
  });
  // Wherever the focus is by then: a key that stays down would steer for ever.
  window.addEventListener('keyup', (event) => {
    steering.lift(event.code);
    acted(event.timeStamp);
  });
  window.addEventListener('blur', () => steering.release('all'));
  canvas.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'mouse') return;
    canvas.setPointerCapture(event.pointerId);
    steering.touch(...place(event));
    acted(event.timeStamp);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'mouse') steering.point(...place(event));
    else steering.drag(...place(event));
    acted(event.timeStamp);
  });
  for (const end of ['pointerup', 'pointercancel'] as const) {
    canvas.addEventListener(end, ({ pointerType, timeStamp }) => {
      if (pointerType === 'mouse') return;
      steering.release('stick');
      acted(timeStamp);
    });
  }
  canvas.addEventListener('pointerleave', ({ pointerType }) => {
    if (pointerType === 'mouse') steering.release('pointer');
  });
}
