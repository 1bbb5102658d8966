// The sheet: takes strokes from mouse, finger and pen, or a picture, and makes the file to send.

import { renderInk, SIDE } from "./ink.js";

const SENT_PIXELS = 280; // ten times the instance, so that shrinking loses nothing
const MIN_DISTANCE = 1; // of SIDE; nearer points are dropped
const MAX_PICTURE_SIDE = 1600; // pixels of a chosen photo; a digit needs no more

/** A chosen file that the browser cannot decode as a picture. */
export class UnreadablePicture extends Error {}

/** A square canvas to draw on; fires "change" after every change of its content. */
export class Pad extends EventTarget {
  #canvas;
  #context;
  #strokes = [];
  #picture = null; // {bitmap, blob} in place of strokes
  #pointer = null; // id of the one pointer that draws
  #startedAt = 0; // time of the first point, in milliseconds
  #frame = 0;

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

  get empty() {
    return this.#strokes.length === 0 && this.#picture === null;
  }

  get canUndo() {
    return !this.empty;
  }

  /** Strokes of [x, y, milliseconds since the first point]; null for a picture. */
  get ink() {
    return this.#picture ? null : this.#strokes;
  }

  clear() {
    this.#strokes = [];
    this.#picture = null;
    this.#changed();
  }

  undo() {
    if (this.#picture) this.#picture = null;
    else this.#strokes.pop();
    this.#changed();
  }

  /** Shows a chosen picture instead of ink; throws UnreadablePicture. */
  async show(file, maxBytes) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      throw new UnreadablePicture(
        "This is not a picture that can be read here. PNG, JPEG and WebP can.",
      );
    }
    const longest = Math.max(bitmap.width, bitmap.height);
    const known = ["image/png", "image/jpeg", "image/webp"].includes(file.type);
    let blob = file;
    if (!known || file.size > maxBytes || longest > MAX_PICTURE_SIDE) {
      blob = await shrink(bitmap, Math.min(1, MAX_PICTURE_SIDE / longest));
    }
    this.#strokes = [];
    this.#picture = { bitmap, blob };
    this.#changed();
  }

  /** The content as a file: the picture as it was chosen, or the ink, black on white. */
  async blob() {
    if (this.#picture) return this.#picture.blob;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SENT_PIXELS;
    renderInk(canvas.getContext("2d"), this.#strokes, { size: SENT_PIXELS });
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }

  #down(event) {
    event.preventDefault();
    // One pointer draws: a second finger, the palm and the other mouse buttons do not.
    if (this.#pointer !== null || !event.isPrimary || event.button !== 0) return;
    this.#pointer = event.pointerId;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#picture = null;
    if (this.#strokes.length === 0) this.#startedAt = event.timeStamp;
    this.#strokes.push([]);
    this.#add(event);
    this.#changed();
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
    this.#changed();
  }

  #add(event) {
    const box = this.#canvas.getBoundingClientRect();
    const round = (value) => Math.round(value * 10) / 10;
    const x = round(((event.clientX - box.left) / box.width) * SIDE);
    const y = round(((event.clientY - box.top) / box.height) * SIDE);
    const time = Math.max(0, Math.round(event.timeStamp - this.#startedAt));
    const stroke = this.#strokes[this.#strokes.length - 1];
    const before = stroke[stroke.length - 1];
    if (before && Math.hypot(x - before[0], y - before[1]) < MIN_DISTANCE) return;
    stroke.push([x, y, time]);
  }

  #changed() {
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
    const ink = getComputedStyle(this.#canvas).color; // of the theme; the file that is sent has black ink
    renderInk(this.#context, this.#strokes, { size, ink, paper: null });
    if (this.#picture) {
      const { bitmap } = this.#picture;
      const scale = size / Math.max(bitmap.width, bitmap.height);
      const [width, height] = [bitmap.width * scale, bitmap.height * scale];
      this.#context.drawImage(bitmap, (size - width) / 2, (size - height) / 2, width, height);
    }
  }
}

async function shrink(bitmap, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}
