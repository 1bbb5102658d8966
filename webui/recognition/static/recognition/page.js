// Connects the sheet, the buttons, the API and the answer panel.

import { NOT_A_DIGIT, showCorrection, showEmpty, showMessage, showPrediction } from "./answer.js";
import { ApiError, correct, predict, read, remove } from "./api.js";
import { Pad, UnreadablePicture } from "./pad.js";
import { forget, remember, showRecent } from "./recent.js";

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const sheet = element("sheet");
const pad = new Pad(canvas);
const maxPictureBytes = Number(document.body.dataset.maxPictureBytes);
const CONFIRM_MS = 4000; // a second press on "delete" within this time deletes

let shown = null; // the prediction in the answer panel
let busy = false;

/** Runs a task unless one is running, and reports its failure. */
async function runExclusively(task) {
  if (busy) return;
  setBusy(true);
  try {
    await task();
  } catch (error) {
    report(error);
  } finally {
    setBusy(false);
  }
}

function setBusy(now) {
  busy = now;
  element("answer").setAttribute("aria-busy", String(now));
  for (const button of document.querySelectorAll("button")) {
    // Not `disabled`, because a button that is disabled loses the focus.
    button.setAttribute("aria-disabled", String(now));
  }
  element("predict").classList.toggle("waiting", now);
  if (!now) updateTools();
}

/** Shows an error that has a message for the visitor; logs any other, which is a bug. */
function report(error) {
  let text = "Something went wrong on this page. Please reload it.";
  if (error instanceof ApiError || error instanceof UnreadablePicture) text = error.message;
  else console.error(error);
  showMessage(text, { kind: "error", requestId: error.requestId });
  reveal(element("message"));
}

function updateTools() {
  element("undo").setAttribute("aria-disabled", String(busy || !pad.canUndo));
  canvas.setAttribute(
    "aria-label",
    pad.empty ? "Drawing area, empty" : "Drawing area, with your drawing",
  );
  element("hint").hidden = !pad.empty;
}

/** Scrolls to an element outside of the view: on a phone the answer is below the sheet. */
function reveal(target) {
  const box = target.getBoundingClientRect();
  if (box.bottom <= innerHeight && box.top >= 0) return;
  const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "nearest", behavior: reducedMotion ? "auto" : "smooth" });
}

function show(prediction) {
  shown = prediction;
  showMessage();
  showPrediction(prediction);
  reveal(element("verdict"));
}

const predictIt = () =>
  runExclusively(async () => {
    if (pad.empty) {
      showMessage("The sheet is blank. Draw a digit first, then press “predict it”.", {
        kind: "error",
      });
      reveal(element("message"));
      return;
    }
    const prediction = await predict(await pad.blob(), pad.ink);
    show(prediction);
    remember(prediction);
    showRecent(open);
  });

function clearIt() {
  if (busy) return;
  pad.clear();
  shown = null;
  showMessage();
  showEmpty();
}

function undo() {
  if (!busy && pad.canUndo) pad.undo();
}

const open = (id) =>
  runExclusively(async () => {
    try {
      show(await read(id));
    } catch (error) {
      if (error.status !== 404) throw error;
      forget(id);
      showRecent(open);
      showMessage("That drawing is no longer there.", { kind: "note" });
    }
  });

const choose = (button) =>
  runExclusively(async () => {
    if (!shown) return;
    const text = button.dataset.label;
    const again = button.getAttribute("aria-pressed") === "true";
    const label = again ? null : text === NOT_A_DIGIT ? text : Number(text);
    const corrected = await correct(shown.id, label);
    showMessage();
    showCorrection(corrected.correction);
  });

let confirmUntil = 0; // time in milliseconds until which a press on "delete" deletes
function deleteIt() {
  if (!shown || busy) return;
  const button = element("delete");
  if (Date.now() > confirmUntil) {
    confirmUntil = Date.now() + CONFIRM_MS;
    button.textContent = "delete it for good?";
    setTimeout(() => {
      button.textContent = "delete my drawing";
    }, CONFIRM_MS);
    return;
  }
  confirmUntil = 0;
  runExclusively(async () => {
    const { id } = shown;
    await remove(id);
    forget(id);
    showRecent(open);
    pad.clear();
    shown = null;
    showEmpty();
    showMessage("Deleted: the drawing and its record are gone.");
    button.textContent = "delete my drawing";
  });
}

async function take(file) {
  if (!file || busy) return;
  try {
    await pad.show(file, maxPictureBytes);
    shown = null;
    showEmpty();
    showMessage("Picture taken. Press “predict it” to have it read.");
  } catch (error) {
    report(error);
  }
}

element("predict").addEventListener("click", predictIt);
element("clear").addEventListener("click", clearIt);
element("undo").addEventListener("click", undo);
element("delete").addEventListener("click", deleteIt);
for (const button of element("correction").querySelectorAll("button")) {
  button.addEventListener("click", () => choose(button));
}
pad.addEventListener("change", updateTools);

element("file").addEventListener("change", (event) => {
  take(event.target.files[0]);
  event.target.value = ""; // the same file may be chosen again
});
sheet.addEventListener("dragover", (event) => {
  event.preventDefault();
  sheet.classList.add("over");
});
sheet.addEventListener("dragleave", () => sheet.classList.remove("over"));
sheet.addEventListener("drop", (event) => {
  event.preventDefault();
  sheet.classList.remove("over");
  take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => take(event.clipboardData?.files[0]));

document.addEventListener("keydown", (event) => {
  const onControl = event.target.closest?.("button, input, a, summary");
  if (event.key === "Escape") {
    clearIt();
  } else if (event.key === "Enter" && !onControl && !event.repeat) {
    event.preventDefault();
    predictIt();
  } else if (
    event.key.toLowerCase() === "z" &&
    (event.ctrlKey || event.metaKey) &&
    !event.shiftKey
  ) {
    event.preventDefault();
    undo();
  }
});

updateTools();
showRecent(open);
