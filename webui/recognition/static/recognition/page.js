// Connects the sheet, the buttons, the API and the answer panel.

import {
  celebrate,
  NOT_A_DIGIT,
  rightLabel,
  showBars,
  showCorrection,
  showMessage,
  showPrediction,
  showState,
} from "./answer.js";
import { ApiError, correct, predict, read, readInk, readPicture, remove } from "./api.js";
import { Drawing, drawingOfPicture, UnreadablePicture } from "./drawing.js";
import { drop, keep, kept } from "./kept.js";
import { LiveReader } from "./live.js";
import { Pad } from "./pad.js";
import { forget, remember, showRecent } from "./recent.js";
import { Repeater } from "./retry.js";
import { showsSeveral } from "./several.js";
import { gettext } from "./texts.js";
import { showWhy } from "./why.js";

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const pad = new Pad(canvas);
const live = new LiveReader();
const repeater = new Repeater();
const question = element("delete-question");
const choices = [...element("correction").querySelectorAll("button")];
const maxPictureBytes = Number(document.body.dataset.maxPictureBytes);

const answers = new WeakMap(); // the prediction of each drawing that has one
const waiting = new WeakSet(); // drawings whose prediction is on its way
const failures = new WeakMap(); // what went wrong with the last reading of a drawing
let repeating = null; // {drawing, giveUp} of the request that is sent again after a pause
let changing = false; // a correction or a deletion is on its way

/** The prediction of what is on the sheet now. */
const shown = () => answers.get(pad.drawing);

/** The same, if it is recorded. */
const recorded = () => (shown()?.id ? shown() : undefined);

/** Returns the prediction, and whether a drawing that is not a digit shows several. */
async function examined(prediction) {
  if (prediction.verdict !== NOT_A_DIGIT) return prediction;
  return { ...prediction, several: await showsSeveral(prediction.instance) };
}

/** Reports the failure of a task. */
async function attempt(task) {
  try {
    await task();
  } catch (error) {
    report(error);
  }
}

/** Returns the message for the visitor; logs an error that has none, which is a bug. */
function describe(error) {
  if (error instanceof ApiError || error instanceof UnreadablePicture) return error.message;
  console.error(error);
  return gettext("Something went wrong on this page. Please reload it.");
}

function report(error) {
  showMessage(describe(error), { kind: "error", requestId: error.requestId });
  reveal(element("message"));
}

/** Shows the answer that belongs to the drawing on the sheet, or that there is none. */
function update() {
  const { drawing } = pad;
  const isWaiting = waiting.has(drawing);
  const failure = live.on && failures.get(drawing);
  if (isWaiting) showState("waiting");
  else if (shown()) showPrediction(shown());
  else if (drawing.empty) showState("empty");
  else if (failure) showState("unread", failure.message);
  else showState(live.on ? "live" : "changed");

  element("answer").setAttribute("aria-busy", String(isWaiting));
  element("predict").classList.toggle("waiting", isWaiting);
  disable(element("predict"), isWaiting && repeating === null);
  disable(element("undo"), !pad.canUndo);
  disable(element("redo"), !pad.canRedo);
  for (const button of [...choices, element("delete")]) disable(button, changing);
  canvas.setAttribute(
    "aria-label",
    drawing.empty ? gettext("Drawing area, empty") : gettext("Drawing area, with your drawing"),
  );
  canvas.classList.toggle("drawn", !drawing.empty);
}

/** Not by `disabled`, because a button that is disabled loses the focus. */
function disable(button, disabled) {
  button.setAttribute("aria-disabled", String(disabled));
}

/** Scrolls to an element outside of the view: on a phone the answer is below the sheet. */
function reveal(target) {
  const box = target.getBoundingClientRect();
  if (box.bottom <= innerHeight && box.top >= 0) return;
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "nearest", behavior: reducedMotion ? "auto" : "smooth" });
}

async function predictIt() {
  const { drawing } = pad;
  if (waiting.has(drawing)) {
    repeater.now();
    return;
  }
  if (drawing.empty) {
    const text = gettext("The sheet is blank. Draw a digit first, then press “predict it”.");
    showMessage(text, { kind: "error" });
    reveal(element("message"));
    return;
  }
  await send(drawing, newKey());
}

/** Has a drawing predicted; the request is repeated until it is answered or the drawing changes. */
async function send(drawing, idempotencyKey) {
  showMessage();
  live.cancel();
  waiting.add(drawing);
  keep(drawing, idempotencyKey);
  update();
  await attempt(async () => {
    try {
      const prediction = await answered(drawing, idempotencyKey);
      if (!prediction) return; // given up
      answers.set(drawing, await examined(prediction));
      if (pad.drawing === drawing) drop();
    } catch (error) {
      if (pad.drawing === drawing) keep(drawing); // not to be sent by itself after a reload
      throw error;
    } finally {
      waiting.delete(drawing);
      update();
    }
    remember(answers.get(drawing));
    showRecent(open);
  });
  if (pad.drawing !== drawing || !recorded()) return;
  celebrate();
  reveal(element("verdict"));
}

async function answered(drawing, idempotencyKey) {
  const givenUp = new AbortController();
  const blob = await drawing.blob();
  const paused = (error) => {
    if (pad.drawing !== drawing) throw error; // the visitor went on; there is nothing to wait for
    repeating = { drawing, giveUp: () => givenUp.abort() };
    const text = gettext("%(problem)s It is sent again by itself.", { problem: error.message });
    showMessage(text, { kind: "repeating", requestId: error.requestId });
    update();
  };
  try {
    const task = () => predict(blob, drawing.ink, idempotencyKey);
    return await repeater.run(task, { paused, signal: givenUp.signal });
  } finally {
    if (repeating?.drawing === drawing) {
      repeating = null;
      showMessage();
    }
  }
}

/** A random key; `crypto.randomUUID` is missing on a site without TLS. */
const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");

/** Changes the record of the answer that is shown; one change at a time. */
async function change(task) {
  if (changing || !recorded()) return;
  changing = true;
  showMessage();
  update();
  await attempt(() => task(recorded(), pad.drawing));
  changing = false;
  update();
}

const choose = (button) =>
  change(async (prediction, drawing) => {
    const text = button.dataset.label;
    const again = button.getAttribute("aria-pressed") === "true";
    const means = text === "yes" ? rightLabel(prediction) : text;
    const label = again ? null : means === NOT_A_DIGIT ? means : Number(means);
    const corrected = await correct(prediction.id, label);
    prediction.correction = corrected.correction;
    if (pad.drawing === drawing) showCorrection(prediction);
  });

const deleteIt = () =>
  change(async ({ id }, drawing) => {
    await remove(id);
    forget(id);
    showRecent(open);
    answers.delete(drawing);
    pad.forget(drawing);
    showMessage(gettext("Deleted: the drawing and its record are gone."));
    element("answer").focus(); // the button that had the focus is gone
  });

/** Brings a drawing back with its answer, and replays its ink as it was drawn. */
const open = (id) =>
  attempt(async () => {
    const drawing = pad.drawing;
    try {
      const [prediction, ink] = await Promise.all([read(id), readInk(id)]);
      const opened = await keptDrawing(prediction, ink);
      if (pad.drawing !== drawing) return; // the visitor went on drawing meanwhile
      answers.set(opened, await examined(prediction));
      pad.show(opened);
      pad.replay();
      reveal(canvas);
    } catch (error) {
      if (error.status !== 404) throw error;
      forget(id);
      showRecent(open);
      showMessage(gettext("That drawing is no longer there."));
    }
  });

/** Returns a recorded drawing: its ink, else its picture, else what the model saw. */
async function keptDrawing({ id, instance }, ink) {
  const sheet = { opened: true };
  if (ink?.length > 0) return new Drawing({ strokes: ink, sheet });
  let picture;
  try {
    picture = await readPicture(id);
  } catch (error) {
    if (error.status !== 404) throw error;
    const bytes = Uint8Array.from(atob(instance), (character) => character.charCodeAt(0));
    picture = new Blob([bytes], { type: "image/png" });
  }
  return drawingOfPicture(picture, { maxBytes: maxPictureBytes, sheet });
}

const take = (file) =>
  attempt(async () => {
    if (!file) return;
    pad.show(await drawingOfPicture(file, { maxBytes: maxPictureBytes }));
    showMessage(gettext("Picture taken. Press “predict it” to have it read."));
  });

element("predict").addEventListener("click", predictIt);
element("retry").addEventListener("click", () => repeater.now());
element("why").addEventListener("click", () => {
  if (recorded()) attempt(() => showWhy(recorded(), describe));
});
element("clear").addEventListener("click", () => pad.clear());
element("undo").addEventListener("click", () => pad.undo());
element("redo").addEventListener("click", () => pad.redo());
element("show-all").addEventListener("click", () => {
  const button = element("show-all");
  button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  showBars();
});
for (const button of choices) button.addEventListener("click", () => choose(button));
pad.addEventListener("change", () => {
  const { drawing } = pad;
  if (repeating && repeating.drawing !== drawing) {
    repeating.giveUp();
    repeating = null;
  }
  if (!repeating) showMessage();
  update();
  if (!pad.penDown && !waiting.has(drawing)) {
    if (recorded()) drop();
    else keep(drawing);
  }
  if (pad.penDown || shown()) live.cancel();
  else live.ask(pad.drawing);
});

live.addEventListener("reading", async ({ detail: { drawing, reading } }) => {
  const answer = await examined(reading);
  if (answers.has(drawing) || waiting.has(drawing)) return; // a prediction has come, or will
  failures.delete(drawing);
  answers.set(drawing, answer);
  update();
});
live.addEventListener("failure", ({ detail: { drawing, error } }) => {
  failures.set(drawing, error);
  update();
});
addEventListener("online", () => {
  if (!pad.penDown && !shown() && !waiting.has(pad.drawing)) live.askNow(pad.drawing);
});
element("live").checked = live.on;
element("live").addEventListener("change", (event) => {
  live.on = event.target.checked;
  if (!shown()) live.ask(pad.drawing);
  update();
});

element("delete").addEventListener("click", () => {
  if (!changing && recorded()) question.showModal();
});
element("delete-yes").addEventListener("click", (event) => {
  if (event.detail > 1) return; // the second half of a double click on "delete my drawing"
  question.close();
  deleteIt();
});
element("delete-no").addEventListener("click", () => question.close());

element("file").addEventListener("change", (event) => {
  take(event.target.files[0]);
  event.target.value = ""; // the same file may be chosen again
});
// Anywhere on the page: beside the sheet, the browser would leave the page and open the file.
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  element("sheet").classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) element("sheet").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  element("sheet").classList.remove("over");
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take(event.clipboardData?.files[0]));

/** The button that a key stands for: y for yes, n for not a digit, and the digits. */
function choiceOf(key) {
  const label = { y: "yes", n: NOT_A_DIGIT }[key] ?? key;
  return choices.find((choice) => choice.dataset.label === label);
}

document.addEventListener("keydown", (event) => {
  if (question.open || element("why-dialog").open) return;
  const onControl = event.target.closest?.("button, input, a, summary");
  const key = event.key.toLowerCase();
  const command = event.ctrlKey || event.metaKey;
  const choice = !command && !event.altKey && !event.repeat && choiceOf(key);
  if (command && (key === "y" || (key === "z" && event.shiftKey))) pad.redo();
  else if (command && key === "z") pad.undo();
  else if (choice && recorded()) choose(choice);
  else if (event.key === "Escape") pad.clear();
  else if (event.key === "Enter" && !onControl && !event.repeat) predictIt();
  else return;
  event.preventDefault();
});

update();
showRecent(open);
attempt(async () => {
  const before = await kept({ maxBytes: maxPictureBytes });
  if (!before || !pad.drawing.empty) return; // the visitor has begun to draw meanwhile
  pad.show(before.drawing);
  const key = before.idempotencyKey;
  if (key) await send(before.drawing, key);
});

// The page opens without a network; only where its files are named by their content.
const { serviceWorker } = document.body.dataset;
if (serviceWorker) navigator.serviceWorker?.register(serviceWorker).catch(console.info);
