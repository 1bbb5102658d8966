// Connects the sheet, the buttons, the API and the answer.

import { showCorrection, showMessage, showNothing, showPrediction } from "./answer.js";
import { correct, Problem, predict, read, remove } from "./api.js";
import { Pad } from "./pad.js";
import { forget, remember, showRecent } from "./recent.js";

const element = (id) => document.getElementById(id);
const canvas = element("canvas");
const sheet = element("sheet");
const pad = new Pad(canvas);
const maxPictureBytes = Number(document.body.dataset.maxPictureBytes);
const DECIDE = 4000; // milliseconds in which a second press means "yes, delete"

let shown = null; // the prediction in the answer panel
let busy = false;

/** Runs one request; a second press while it runs does nothing. */
async function once(work) {
  if (busy) return;
  setBusy(true);
  try {
    await work();
  } catch (failure) {
    report(failure);
  } finally {
    setBusy(false);
  }
}

function setBusy(now) {
  busy = now;
  element("answer").setAttribute("aria-busy", String(now));
  for (const button of document.querySelectorAll("button")) {
    // Not `disabled`, which would take the focus away from whoever pressed it by key.
    button.setAttribute("aria-disabled", String(now));
  }
  element("predict").classList.toggle("waiting", now);
  if (!now) updateTools();
}

function report(failure) {
  if (!(failure instanceof Problem) && !(failure instanceof TypeError)) console.error(failure);
  const known = failure instanceof Problem || failure instanceof TypeError;
  const text = known ? failure.message : "Something went wrong on this page. Please reload it.";
  showMessage(text, { kind: "error", requestId: failure.requestId });
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

/** On a phone the answer is below the sheet: brings it into view when it is not. */
function reveal(target) {
  const box = target.getBoundingClientRect();
  if (box.bottom <= innerHeight && box.top >= 0) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  target.scrollIntoView({ block: "nearest", behavior: still ? "auto" : "smooth" });
}

function show(prediction) {
  shown = prediction;
  showMessage();
  showPrediction(prediction);
  reveal(element("verdict"));
}

const predictIt = () =>
  once(async () => {
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
  showNothing();
}

function undo() {
  if (!busy && pad.canUndo) pad.undo();
}

const open = (id) =>
  once(async () => {
    try {
      show(await read(id));
    } catch (failure) {
      if (failure.status !== 404) throw failure;
      forget(id);
      showRecent(open);
      showMessage("That drawing is no longer there.", { kind: "note" });
    }
  });

const choose = (button) =>
  once(async () => {
    if (!shown) return;
    const text = button.dataset.label;
    const again = button.getAttribute("aria-pressed") === "true";
    const label = again ? null : text === "not_a_digit" ? text : Number(text);
    const corrected = await correct(shown.id, label);
    showMessage();
    showCorrection(corrected.correction);
  });

let decided = 0; // until when a press on "delete" deletes
function deleteIt() {
  if (!shown || busy) return;
  const button = element("delete");
  if (Date.now() > decided) {
    decided = Date.now() + DECIDE;
    button.textContent = "delete it for good?";
    setTimeout(() => {
      button.textContent = "delete my drawing";
    }, DECIDE);
    return;
  }
  decided = 0;
  once(async () => {
    const { id } = shown;
    await remove(id);
    forget(id);
    showRecent(open);
    pad.clear();
    shown = null;
    showNothing();
    showMessage("Deleted: the drawing and its record are gone.");
    button.textContent = "delete my drawing";
  });
}

async function take(file) {
  if (!file || busy) return;
  try {
    await pad.show(file, maxPictureBytes);
    shown = null;
    showNothing();
    showMessage("Picture taken. Press “predict it” to have it read.");
  } catch (failure) {
    report(failure);
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
