// Ink as it was at a moment of its drawing, and a canvas that replays ink at the pen's own speed.

import { renderInk, SIDE } from "./ink.js";

const MARGIN = 0.1; // of the larger side of fitted ink

/** Whether the visitor's system asks for less motion; ink is then shown at once. */
export const reducedMotion = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Returns the strokes as they were some milliseconds after the first point; the same object once all are there. */
export function drawnUntil(strokes, time) {
  const start = strokes[0]?.[0]?.[2] ?? 0;
  const drawn = ([, , at]) => at === undefined || at - start <= time;
  if (strokes.every((stroke) => stroke.every(drawn))) return strokes;
  return strokes.map((stroke) => stroke.filter(drawn));
}

/** Returns strokes of any coordinates, moved and scaled so that they fill the square of the page's ink. */
export function fitted(strokes) {
  const points = strokes.flat();
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = (SIDE * (1 - 2 * MARGIN)) / Math.max(right - left, bottom - top, 1e-9);
  const place = (value, low, high) => SIDE / 2 + (value - (low + high) / 2) * scale;
  return strokes
    .filter((stroke) => stroke.length > 0)
    .map((stroke) =>
      stroke.map(([x, y, time]) => [place(x, left, right), place(y, top, bottom), time]),
    );
}

/** Replays ink on a canvas that shows nothing else. */
export class Replay {
  #context;
  #frame = 0;

  constructor(canvas) {
    this.#context = canvas.getContext("2d");
  }

  /** Shows the ink, from its first point on unless the system asks for less motion. */
  show(strokes) {
    this.clear();
    const all = fitted(strokes);
    const began = performance.now();
    const paint = () => {
      const now = reducedMotion() ? all : drawnUntil(all, performance.now() - began);
      this.#render(now);
      if (now !== all) this.#frame = requestAnimationFrame(paint);
    };
    paint();
  }

  clear() {
    cancelAnimationFrame(this.#frame);
    this.#render([]);
  }

  #render(strokes) {
    const canvas = this.#context.canvas;
    const ink = getComputedStyle(canvas).color;
    renderInk(this.#context, strokes, { size: canvas.width, ink, paper: null });
  }
}
