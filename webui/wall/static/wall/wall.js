// Renews the wall: asks for the latest readings, and brings new ones in.

import { gettext } from "../recognition/texts.js";

const { latest, refreshMs } = document.body.dataset;
const PERIOD_MS = Number(refreshMs);
const LONGEST_PAUSE_MS = 30_000;
const STALE_MS = 60_000; // after which drawings that may have been deleted meanwhile are taken down
const readings = document.getElementById("readings");
const note = document.getElementById("note");
const announced = document.getElementById("announced");
const button = document.getElementById("pause");

let etag = "";
let failures = 0;
let confirmedAt = Date.now();
let timer = 0;
let paused = false;

/** Makes the list like a newer one: nodes of drawings that are still there keep their places. */
function show(html) {
  const newer = new DOMParser().parseFromString(html, "text/html").getElementById("readings");
  const kept = new Map([...readings.children].map((item) => [item.dataset.key, item]));
  const first = readings.firstElementChild?.dataset.key;
  const items = [...newer.children].map((item) => {
    const old = kept.get(item.dataset.key);
    if (!old) item.classList.add("new");
    return old ?? document.adoptNode(item);
  });
  readings.replaceChildren(...items);
  const newest = readings.firstElementChild;
  if (newest && newest.dataset.key !== first && newest.classList.contains("new")) {
    const read = newest.querySelector(".words").textContent;
    const percent = newest.querySelector(".percent").textContent;
    announced.textContent = gettext("New: %(reading)s", { reading: `${read}, ${percent}` });
  }
}

async function refresh() {
  clearTimeout(timer);
  if (paused || document.hidden) return;
  try {
    const response = await fetch(latest, {
      headers: etag ? { "If-None-Match": etag } : {},
      cache: "no-store", // the ETag is kept here, so 304 comes through
      signal: AbortSignal.timeout(10_000),
    });
    if (response.status === 403) {
      location.reload(); // the code has changed, or the school day is over
      return;
    }
    if (response.status !== 304) {
      if (!response.ok) throw new Error(`status ${response.status}`);
      show(await response.text());
      etag = response.headers.get("ETag") ?? "";
    }
    failures = 0;
    confirmedAt = Date.now();
    note.textContent = "";
  } catch {
    failures += 1;
    // One lost request is not worth a word.
    if (failures > 1) note.textContent = gettext("No new drawings just now. Trying again …");
    if (Date.now() - confirmedAt > STALE_MS) {
      readings.replaceChildren();
      etag = "";
    }
  }
  clearTimeout(timer);
  timer = setTimeout(refresh, Math.min(PERIOD_MS * 2 ** failures, LONGEST_PAUSE_MS));
}

button.hidden = false;
button.addEventListener("click", () => {
  paused = !paused;
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? gettext("go on") : gettext("pause");
  refresh();
});
document.addEventListener("visibilitychange", refresh);
window.addEventListener("online", refresh);
timer = setTimeout(refresh, PERIOD_MS);
