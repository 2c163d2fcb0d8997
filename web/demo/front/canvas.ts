// A small canvas as wide as its place and as sharp as the screen, drawn at most once a frame and only while it is seen.

export class Canvas {
  readonly #element: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #paint: (context: CanvasRenderingContext2D, width: number, height: number) => void;
  #isSeen = true;
  #isAsked = false;

  constructor(place: HTMLElement, paint: (context: CanvasRenderingContext2D, width: number, height: number) => void) {
    this.#element = document.createElement('canvas');
    const context = this.#element.getContext('2d');
    if (context === null) throw new Error('no canvas');
    this.#context = context;
    this.#paint = paint;
    place.prepend(this.#element);
    new ResizeObserver(() => this.#fit()).observe(place);
    new IntersectionObserver((entries) => {
      this.#isSeen = entries.some(({ isIntersecting }) => isIntersecting);
      this.ask();
    }).observe(place);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.ask());
  }

  /** There is something new to draw. */
  ask(): void {
    if (this.#isAsked || !this.#isSeen) return;
    this.#isAsked = true;
    requestAnimationFrame(() => {
      this.#isAsked = false;
      const { width, height } = this.#element.getBoundingClientRect();
      const scale = devicePixelRatio;
      this.#context.setTransform(scale, 0, 0, scale, 0, 0);
      this.#context.clearRect(0, 0, width, height);
      this.#paint(this.#context, width, height);
    });
  }

  #fit(): void {
    const { width, height } = this.#element.getBoundingClientRect();
    this.#element.width = Math.round(width * devicePixelRatio);
    this.#element.height = Math.round(height * devicePixelRatio);
    this.ask();
  }
}

/** A colour of the design, as it is in the light or dark of this moment. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
