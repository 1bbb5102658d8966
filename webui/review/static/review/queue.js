// One drawing at a time: shows it at once, and sends decisions in their order behind it.

import { Replay } from "../records/replay.js";

const LABELS = { n: "not_a_digit", x: "rejected" };
const FETCH_BELOW = 6; // drawings left when the next ones are asked for
const TIMEOUT_MS = 20_000;

const element = (id) => document.getElementById(id);
const page = element("content-main");
const { nextUrl, decideUrl, undoUrl } = page.dataset;
const token = page.querySelector("[name=csrfmiddlewaretoken]").value;
const replay = new Replay(element("ink"));

let waiting = []; // drawings to decide on, the next first
let later = []; // drawings that were put off, the latest last
const seen = new Set(); // ids that this page has had, so that a late answer brings none again
let sending = Promise.resolve(); // the requests so far; undo must come after what it undoes
let fetching = false;
let more = true; // the site may have further drawings
let reviewed = 0;

/** A request that failed, with the site's message. */
class RequestError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

async function request(url, fields) {
  let response;
  try {
    response = await fetch(url, {
      method: fields ? "POST" : "GET",
      headers: { "X-CSRFToken": token },
      body: fields && new URLSearchParams(fields),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      keepalive: true, // a decision arrives although the page is left before it is sent
      redirect: "error", // to the login, once the session has ended
    });
  } catch {
    throw new RequestError("The site cannot be reached, or you are logged out.", 0);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new RequestError(
      answer.error ?? `The site answered ${response.status}.`,
      response.status,
    );
  }
  return answer;
}

function say(text, { error = false } = {}) {
  element("message").textContent = text;
  element("message").hidden = text === "";
  element("message").classList.toggle("error", error);
}

async function fetchMore() {
  if (fetching || !more) return;
  fetching = true;
  try {
    await sending; // or the site would return what is just being decided on
    const { drawings } = await request(`${nextUrl}&held=${waiting.length + later.length}`);
    const fresh = drawings.filter(({ id }) => !seen.has(id));
    for (const { id } of fresh) seen.add(id);
    waiting.push(...fresh);
    more = fresh.length > 0;
    fetching = false;
    if (waiting.length === fresh.length) show();
  } catch (error) {
    fetching = false;
    say(error.message, { error: true });
  }
}

/** Shows the first waiting drawing. */
function show() {
  const drawing = waiting[0];
  const done = !drawing && !more && later.length === 0;
  element("drawing").hidden = !drawing;
  element("empty").hidden = !done;
  element("count").textContent = `${reviewed} reviewed since you opened this page`;
  if (waiting.length < FETCH_BELOW) fetchMore();
  if (!drawing) {
    if (!more && later.length > 0) {
      waiting = later;
      later = [];
      show();
    }
    return;
  }
  element("drawing").dataset.id = drawing.id;
  element("reason").textContent = drawing.reason;
  element("label").textContent = drawing.label_text;
  element("predicted").textContent =
    `${drawing.predicted}, ${drawing.confidence}, version ${drawing.version}`;
  element("corrected").textContent = drawing.corrected || "–";
  element("at").textContent = drawing.at;
  element("instance").src = drawing.instance;
  element("record").hidden = drawing.url === "";
  if (drawing.url) element("record-link").href = drawing.url;
  const hasInk = drawing.ink.length > 0;
  element("ink").hidden = !hasInk;
  element("picture").hidden = hasInk || (!drawing.picture && !drawing.instance);
  if (hasInk) replay.show(drawing.ink);
  else element("picture").src = drawing.picture || drawing.instance;
}

function decide(label) {
  const drawing = waiting.shift();
  if (!drawing) return;
  reviewed += 1;
  say("");
  show();
  sending = sending.then(async () => {
    try {
      await request(decideUrl, { id: drawing.id, label });
    } catch (error) {
      reviewed -= 1;
      // It is gone, or decided on elsewhere: there is nothing to repeat.
      if (error.status !== 404 && error.status !== 409) waiting.unshift(drawing);
      say(error.message, { error: true });
      show();
    }
  });
}

function undo() {
  sending = sending.then(async () => {
    try {
      const { drawings } = await request(undoUrl, {});
      waiting.unshift(...drawings);
      reviewed = Math.max(0, reviewed - drawings.length);
      for (const { id } of drawings) seen.add(id);
      say("Undone.");
      show();
    } catch (error) {
      say(error.message, { error: true });
    }
  });
}

function putOff() {
  if (waiting.length > 0) later.push(waiting.shift());
  show(); // also asks again after a failed request
}

function back() {
  if (later.length === 0) {
    say("There is nothing that you have put off. Undo brings back what you have decided.");
    return;
  }
  waiting.unshift(later.pop());
  show();
}

/** Does what a key or its button means; returns false if it means nothing. */
function act(key) {
  if (/^[0-9]$/.test(key)) decide(key);
  else if (key in LABELS) decide(LABELS[key]);
  else if (key === "Enter") decide(waiting[0]?.label);
  else if (key === "u") undo();
  else if (key === "ArrowRight") putOff();
  else if (key === "ArrowLeft") back();
  else if (key === "r") {
    if (waiting[0]?.ink.length > 0) replay.show(waiting[0].ink);
  } else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target.closest("input, select, textarea, a")) return;
  // Enter and a focused button are one thing: accept would otherwise come with it.
  if (event.key === "Enter" && event.target.closest("button, summary")) return;
  if (act(event.key)) event.preventDefault();
});
page.addEventListener("click", (event) => {
  const button = event.target.closest("[data-key]");
  if (!button) return;
  if (event.detail > 0) button.blur(); // clicked, not pressed by Enter, which now accepts again
  act(button.dataset.key);
});

show();
