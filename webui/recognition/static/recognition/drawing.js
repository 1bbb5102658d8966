// A drawing: ink or a chosen picture, and the file that is sent for it.

import { renderInk } from "../records/ink.js";
import { gettext } from "./texts.js";

const SENT_PIXELS = 280; // ten times the instance, so that shrinking loses nothing
const MAX_PICTURE_SIDE = 1600; // pixels of a chosen photo; a digit needs no more

/** A chosen file that the browser cannot decode as a picture. */
export class UnreadablePicture extends Error {}

/** What is on the sheet at one moment. It never changes, so an answer can belong to it. */
export class Drawing {
  /**
   * @param {{strokes?: number[][][], picture?: {bitmap: ImageBitmap, blob: Blob} | null,
   *   sheet?: {opened: boolean}}} content
   *   strokes: of [x, y, milliseconds since the first point]
   *   sheet: the same object for the drawings that one has grown through; `opened` if the first
   *   of them was brought back from the latest drawings
   */
  constructor({ strokes = [], picture = null, sheet = { opened: false } } = {}) {
    this.strokes = strokes;
    this.picture = picture;
    this.sheet = sheet;
  }

  get empty() {
    return this.strokes.length === 0 && this.picture === null;
  }

  /** The strokes; null for a picture. */
  get ink() {
    return this.picture ? null : this.strokes;
  }

  /** Returns the drawing with one more stroke; ink takes the place of a picture. */
  withStroke(stroke) {
    const sheet = this.picture ? undefined : this.sheet;
    return new Drawing({ strokes: [...this.strokes, stroke], sheet });
  }

  /** The content as a file: the picture as it was chosen, or the ink, black on white. */
  async blob() {
    if (this.picture) return this.picture.blob;
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = SENT_PIXELS;
    renderInk(canvas.getContext("2d"), this.strokes, { size: SENT_PIXELS });
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}

/** Returns the drawing of a chosen picture; throws UnreadablePicture. */
export async function drawingOfPicture(file, { maxBytes, sheet }) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new UnreadablePicture(
      gettext("This is not a picture that can be read here. PNG, JPEG and WebP can."),
    );
  }
  const longest = Math.max(bitmap.width, bitmap.height);
  const known = ["image/png", "image/jpeg", "image/webp"].includes(file.type);
  let blob = file;
  if (!known || file.size > maxBytes || longest > MAX_PICTURE_SIDE) {
    blob = await shrink(bitmap, Math.min(1, MAX_PICTURE_SIDE / longest));
  }
  return new Drawing({ picture: { bitmap, blob }, sheet });
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
