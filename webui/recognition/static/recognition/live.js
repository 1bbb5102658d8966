// Reads the drawing while it is being made: a reading after each stroke, of the latest drawing.

import { ApiError, readDrawing } from "./api.js";

const KEY = "live"; // in this browser's storage: "on" or "off"
const PAUSE_MS = 250; // after the pen is lifted, so that strokes in quick succession are one request

/** Asks for readings, which are not recorded; fires "reading" with {drawing, reading}. */
export class LiveReader extends EventTarget {
  #on = storedChoice() ?? !navigator.connection?.saveData;
  #timer = 0;
  #request = new AbortController();
  #blockedUntil = 0; // time in milliseconds before which the site wants no more requests

  get on() {
    return this.#on;
  }

  set on(on) {
    this.#on = on;
    if (!on) this.cancel();
    try {
      localStorage.setItem(KEY, on ? "on" : "off");
    } catch {
      // Storage is off: the choice is lost when the page is closed.
    }
  }

  /** Asks soon for a reading of a drawing, and for no earlier one any more. */
  ask(drawing) {
    this.cancel();
    if (!this.#on || drawing.empty) return;
    const pause = Math.max(PAUSE_MS, this.#blockedUntil - Date.now());
    this.#timer = setTimeout(() => this.#send(drawing), pause);
  }

  cancel() {
    clearTimeout(this.#timer);
    this.#request.abort();
  }

  async #send(drawing) {
    const request = new AbortController();
    this.#request = request;
    try {
      const reading = await readDrawing(await drawing.blob(), request.signal);
      if (request.signal.aborted) return;
      this.dispatchEvent(new CustomEvent("reading", { detail: { drawing, reading } }));
    } catch (error) {
      if (request.signal.aborted) return;
      // Nobody asked for it, so there is no message; "predict it" has one.
      if (!(error instanceof ApiError)) console.error(error);
      if (error.status !== 429) return;
      this.#blockedUntil = Date.now() + error.retryAfter * 1000;
      this.ask(drawing);
    }
  }
}

function storedChoice() {
  try {
    const stored = localStorage.getItem(KEY);
    return stored === null ? null : stored === "on";
  } catch {
    return null; // storage is off
  }
}
