// Connects the text to agree to, the sheet, the prompts and the API.

import { ApiError, request } from "../recognition/api.js";
import { Pad } from "../recognition/pad.js";
import { gettext } from "../recognition/texts.js";

const PROMPTS = [
  gettext("Draw a 0"),
  gettext("Draw a 1"),
  gettext("Draw a 2"),
  gettext("Draw a 3"),
  gettext("Draw a 4"),
  gettext("Draw a 5"),
  gettext("Draw a 6"),
  gettext("Draw a 7"),
  gettext("Draw an 8"),
  gettext("Draw a 9"),
];

const element = (id) => document.getElementById(id);
const parsed = (id) => JSON.parse(element(id).textContent);
const canvas = element("canvas");
const pad = new Pad(canvas);
const question = element("delete-question");
const buttons = ["undo", "clear", "next", "again", "delete", "end"].map(element);

let progress = parsed("progress-at-start"); // of the API's Collection; null before the consent
let busy = false; // a request is on its way

const prompt = () => (progress?.prompt ? PROMPTS[progress.prompt.digit] : "");

/** Tells the visitor something, and screen readers too. */
function note(text, { error = false } = {}) {
  element("note").textContent = text;
  element("note").classList.toggle("error", error);
}

/** Shows the part of the page that fits the progress. */
function show() {
  element("join").hidden = progress !== null;
  element("ask").hidden = !prompt();
  element("done").hidden = progress === null || prompt() !== "";
  element("mine").hidden = progress === null;
  if (progress === null) return;
  element("prompt").textContent = prompt();
  element("count").textContent = gettext("%(drawn)s of %(wanted)s", progress);
  element("bar").max = progress.wanted;
  element("bar").value = progress.drawn;
  element("writer").textContent = progress.writer;
  update();
}

/** Shows what the buttons can do now; not by `disabled`, which would lose the focus. */
function update() {
  const { empty } = pad.drawing;
  canvas.classList.toggle("drawn", !empty);
  canvas.setAttribute(
    "aria-label",
    empty ? gettext("Drawing area, empty") : gettext("Drawing area, with your drawing"),
  );
  for (const button of buttons) button.setAttribute("aria-disabled", String(busy));
  if (!pad.canUndo) element("undo").setAttribute("aria-disabled", "true");
  if (progress?.last == null) element("again").setAttribute("aria-disabled", "true");
  element("next").classList.toggle("waiting", busy);
}

/** Runs a task, one at a time, and reports its error. */
async function attempt(task) {
  if (busy) return;
  busy = true;
  note("");
  update();
  try {
    await task();
  } catch (error) {
    if (!(error instanceof ApiError)) console.error(error);
    const failed = gettext("Something went wrong on this page. Please reload it.");
    note(error instanceof ApiError ? error.message : failed, { error: true });
    // Deleted or ended in another window: begin anew.
    if (error.code === "not_taking_part") progress = null;
  } finally {
    busy = false;
    show();
  }
}

const join = () =>
  attempt(async () => {
    const body = { consent: Number(document.body.dataset.consent), code: element("code").value };
    progress = await request("POST", "/collection", JSON.stringify(body));
    pad.forget(pad.drawing);
    show();
    canvas.scrollIntoView({ block: "nearest" });
  });

const next = () =>
  attempt(async () => {
    const { drawing } = pad;
    if (drawing.empty) {
      note(gettext("The sheet is blank. Draw the digit first."), { error: true });
      return;
    }
    const form = new FormData();
    form.append("image", await drawing.blob(), "drawing");
    form.append("ink", JSON.stringify(drawing.ink));
    progress = await request("POST", `/collection/drawings/${progress.prompt.number}`, form);
    pad.forget(drawing); // undo must not bring the drawing before back
    show();
    if (prompt()) note(gettext("Kept. %(prompt)s", { prompt: prompt() }));
    else element("done").focus();
  });

const again = () =>
  attempt(async () => {
    if (progress.last === null) return;
    progress = await request("DELETE", `/collection/drawings/${progress.last}`);
    show();
    note(gettext("That one is deleted. %(prompt)s", { prompt: prompt() }));
  });

/** Leaves the participation, for the next person or for good. */
const leave = (method, path, text) =>
  attempt(async () => {
    await request(method, path);
    progress = null;
    element("agree").checked = false;
    show();
    note(text);
    element("agree").focus();
  });

element("join-form").addEventListener("submit", (event) => {
  event.preventDefault();
  join();
});
element("undo").addEventListener("click", () => pad.undo());
element("clear").addEventListener("click", () => pad.clear());
element("next").addEventListener("click", next);
element("again").addEventListener("click", again);
element("end").addEventListener("click", () => leave("POST", "/collection/end", ""));
element("delete").addEventListener("click", () => {
  if (!busy) question.showModal();
});
element("delete-no").addEventListener("click", () => question.close());
element("delete-yes").addEventListener("click", (event) => {
  if (event.detail > 1) return; // the second half of a double click on "leave"
  question.close();
  leave("DELETE", "/collection", gettext("Your drawings are deleted."));
});
pad.addEventListener("change", () => {
  if (!busy) note("");
  update();
});
document.addEventListener("keydown", (event) => {
  if (question.open || !prompt() || event.target.closest?.("button, input, a")) return;
  if (event.key === "Enter" && !event.repeat) next();
  else if (event.key === "Escape") pad.clear();
  else if (event.key === "z" && (event.ctrlKey || event.metaKey)) pad.undo();
  else return;
  event.preventDefault();
});

show();
