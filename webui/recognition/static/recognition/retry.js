// Repeats a request that did not get through: by itself after growing pauses, or at once.

import { ApiError } from "./api.js";

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
const SPREAD = 0.25; // so that visitors who lost the site together do not come back together
const LATER = [0, 429, 502, 503, 504]; // statuses that pass; 0 is a request without an answer

/** Whether a request that failed so may succeed when it is sent again. */
export const passes = (error) =>
  error instanceof ApiError &&
  (LATER.includes(error.status) || error.code === "request_in_progress");

/** The pause before the next attempt in milliseconds, after a number of failures. */
export function pauseAfter(failures, error) {
  const growing = Math.min(FIRST_PAUSE_MS * 2 ** (failures - 1), LONGEST_PAUSE_MS);
  return Math.max(growing * (1 + SPREAD * Math.random()), error.retryAfter * 1000);
}

/** Repeats one task until it succeeds, fails for good or is given up. */
export class Repeater {
  #wake = () => {};

  constructor() {
    addEventListener("online", () => this.now());
  }

  /**
   * Runs the task; returns its result, or undefined if it was given up.
   *
   * @param {() => Promise} task
   * @param {{paused: (error: ApiError) => void, signal: AbortSignal}} options
   *   paused: called before each pause, ends the repetition by throwing; signal: gives up in one
   */
  async run(task, { paused, signal }) {
    for (let failures = 1; ; failures += 1) {
      try {
        return await task();
      } catch (error) {
        if (!passes(error)) throw error;
        paused(error);
        await this.#pause(pauseAfter(failures, error), signal);
        if (signal.aborted) return undefined;
      }
    }
  }

  /** Ends the pause. */
  now() {
    this.#wake();
  }

  #pause(milliseconds, signal) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener("abort", this.#wake, { once: true });
    });
  }
}
