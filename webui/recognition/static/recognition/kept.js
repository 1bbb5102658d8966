// The drawing that has no recorded answer yet, kept in this browser over a reload.

import { Drawing, drawingOfPicture } from "./drawing.js";

const KEY = "sheet";
const MAX_PICTURE_BYTES = 1_000_000; // a browser keeps about 5 MB for a site
let turns = 0; // calls that changed what is kept

/**
 * Keeps a drawing in place of the one before.
 *
 * @param {Drawing} drawing
 * @param {string} [idempotencyKey] of the request that is being sent for it
 */
export async function keep(drawing, idempotencyKey) {
  turns += 1;
  const turn = turns;
  if (drawing.empty) {
    drop();
    return;
  }
  const { strokes, picture } = drawing;
  let address;
  if (picture) {
    address = picture.blob.size <= MAX_PICTURE_BYTES ? await dataUrl(picture.blob) : null;
    if (turn !== turns) return; // something else has been kept or dropped meanwhile
  }
  const kept = picture ? { picture: address } : { strokes };
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...kept, idempotencyKey }));
  } catch {
    // Storage is off or full: the drawing is lost when the page is closed.
  }
}

/** Keeps none. */
export function drop() {
  turns += 1;
  try {
    localStorage.removeItem(KEY);
  } catch {
    // Storage is off.
  }
}

/** Returns the drawing that was kept, and the key of its request if that was being sent. */
export async function kept(options) {
  try {
    const { strokes, picture, idempotencyKey } = JSON.parse(localStorage.getItem(KEY)) ?? {};
    if (strokes?.length > 0) return { drawing: new Drawing({ strokes }), idempotencyKey };
    if (!picture) return null;
    return { drawing: await drawingOfPicture(blobOf(picture), options), idempotencyKey };
  } catch {
    return null; // storage is off, or holds something else
  }
}

function dataUrl(blob) {
  return new Promise((resolve) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => resolve(null);
    reader.readAsDataURL(blob);
  });
}

function blobOf(url) {
  const [, type, encoded] = url.match(/^data:([^;]+);base64,(.*)$/);
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return new Blob([bytes], { type });
}
