// The sheet: takes strokes from mouse, finger and pen, or a picture, and undoes every change.

import { renderInk, SIDE } from "../records/ink.js";
import { drawnUntil, reducedMotion } from "../records/replay.js";
import { Drawing } from "./drawing.js";

const MIN_DISTANCE = 1; // of SIDE; nearer points are dropped

/** A square canvas to draw on; fires "change" after every change of its drawing. */
export class Pad extends EventTarget {
  #canvas;
  #context;
  #drawing = new Drawing();
  #past = []; // drawings that undo brings back, the latest last
  #future = []; // drawings that redo brings back, the next last
  #pointer = null; // id of the one pointer that draws
  #clocks = new WeakMap(); // of each sheet, the time of its first point in milliseconds
  #frame = 0;
  #replayedAt = null; // time at which the replay began, in milliseconds; null without one

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(name, (event) => this.#up(event));
    }
    // Older iOS scrolls despite touch-action.
    canvas.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    new ResizeObserver(() => this.#fit()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
    this.#fit();
  }

  get drawing() {
    return this.#drawing;
  }

  /** Whether a stroke is being drawn. */
  get penDown() {
    return this.#pointer !== null;
  }

  get canUndo() {
    return !this.penDown && this.#past.length > 0;
  }

  get canRedo() {
    return !this.penDown && this.#future.length > 0;
  }

  /** Puts a drawing on the sheet; undo brings the one before back. */
  show(drawing) {
    this.#pointer = null;
    this.#put(drawing);
  }

  clear() {
    if (!this.#drawing.empty) this.show(new Drawing());
  }

  undo() {
    if (!this.canUndo) return;
    this.#future.push(this.#drawing);
    this.#drawing = this.#past.pop();
    this.#changed();
  }

  redo() {
    if (!this.canRedo) return;
    this.#past.push(this.#drawing);
    this.#drawing = this.#future.pop();
    this.#changed();
  }

  /** Draws the ink again, at the pen's own speed, until anything changes. */
  replay() {
    if (reducedMotion()) return;
    this.#replayedAt = performance.now();
    this.#draw();
  }

  /** Removes a drawing and all that it has grown through, beyond what undo brings back.
   *
   * If it was opened from the latest drawings, the one that it covered comes back.
   */
  forget({ sheet }) {
    const others = (drawings) => drawings.filter((drawing) => drawing.sheet !== sheet);
    this.#past = others(this.#past);
    this.#future = others(this.#future);
    if (this.#drawing.sheet === sheet) {
      this.#pointer = null;
      this.#drawing = (sheet.opened && this.#past.pop()) || new Drawing();
    }
    this.#changed();
  }

  #down(event) {
    event.preventDefault();
    // One pointer draws: a second finger, the palm and the other mouse buttons do not.
    if (this.penDown || !event.isPrimary || event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    const before = this.#drawing.strokes;
    const drawing = this.#drawing.withStroke([]);
    if (before.length === 0 || !this.#clocks.has(drawing.sheet)) {
      // Ink that was brought back goes on at the time at which it ended.
      const ended = before.at(-1)?.at(-1)?.[2] ?? 0;
      this.#clocks.set(drawing.sheet, event.timeStamp - ended);
    }
    this.#pointer = event.pointerId;
    this.#put(drawing);
    this.#add(event);
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const each of coalesced.length > 0 ? coalesced : [event]) this.#add(each);
    this.#draw();
  }

  #up(event) {
    if (event.pointerId !== this.#pointer) return;
    this.#pointer = null;
    // Another object than while the stroke grew, so that no answer to a part of it belongs to it.
    const { strokes, sheet } = this.#drawing;
    this.#drawing = new Drawing({ strokes, sheet });
    this.#changed();
  }

  #add(event) {
    const box = this.#canvas.getBoundingClientRect();
    const round = (value) => Math.round(value * 10) / 10;
    const x = round(((event.clientX - box.left) / box.width) * SIDE);
    const y = round(((event.clientY - box.top) / box.height) * SIDE);
    const time = Math.max(0, Math.round(event.timeStamp - this.#clocks.get(this.#drawing.sheet)));
    const stroke = this.#drawing.strokes.at(-1);
    const before = stroke.at(-1);
    if (before && Math.hypot(x - before[0], y - before[1]) < MIN_DISTANCE) return;
    stroke.push([x, y, time]);
  }

  #put(drawing) {
    this.#past.push(this.#drawing);
    this.#future = [];
    this.#drawing = drawing;
    this.#changed();
  }

  #changed() {
    this.#replayedAt = null;
    this.#draw();
    this.dispatchEvent(new Event("change"));
  }

  /** Gives the canvas as many pixels as the screen has there. */
  #fit() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (side === 0 || this.#canvas.width === side) return;
    this.#canvas.width = this.#canvas.height = side;
    this.#paint();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    const size = this.#canvas.width;
    const { picture } = this.#drawing;
    let { strokes } = this.#drawing;
    if (this.#replayedAt !== null) {
      strokes = drawnUntil(strokes, performance.now() - this.#replayedAt);
      if (strokes === this.#drawing.strokes) this.#replayedAt = null;
      else this.#draw();
    }
    const ink = getComputedStyle(this.#canvas).color; // of the theme; the file that is sent has black ink
    renderInk(this.#context, strokes, { size, ink, paper: null });
    if (picture) {
      const { bitmap } = picture;
      const scale = size / Math.max(bitmap.width, bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      this.#context.drawImage(bitmap, (size - width) / 2, (size - height) / 2, width, height);
    }
  }
}
