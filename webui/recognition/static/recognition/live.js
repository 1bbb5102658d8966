// Reads the drawing while it is being made: a reading after each stroke, of the latest drawing.

import { ApiError, readDrawing } from "./api.js";
import { passes, pauseAfter } from "./retry.js";

const KEY = "live"; // in this browser's storage: "on" or "off"
const PAUSE_MS = 250; // after the pen is lifted, so that strokes in quick succession are one request

/**
 * Asks for readings, which are not recorded; fires "reading" with {drawing, reading}, and "failure"
 * with {drawing, error}. After a failure that passes it asks again by itself.
 */
export class LiveReader extends EventTarget {
  #on = storedChoice() ?? !navigator.connection?.saveData;
  #timer = 0;
  #request = new AbortController();
  #blockedUntil = 0; // time in milliseconds before which the site wants no more requests
  #failures = 0; // since the last reading

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

  /** Asks at once, because the network is back. */
  askNow(drawing) {
    this.#blockedUntil = 0;
    this.ask(drawing);
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
      this.#failures = 0;
      this.dispatchEvent(new CustomEvent("reading", { detail: { drawing, reading } }));
    } catch (error) {
      if (request.signal.aborted) return;
      if (!(error instanceof ApiError)) {
        console.error(error);
        return;
      }
      // The rate of readings is soon left again, and nobody asked for this one.
      if (error.status !== 429) {
        this.dispatchEvent(new CustomEvent("failure", { detail: { drawing, error } }));
      }
      if (!passes(error)) return;
      this.#failures += 1;
      this.#blockedUntil = Date.now() + pauseAfter(this.#failures, error);
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
