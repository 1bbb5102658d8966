// Shows a prediction: the digit, its confidence, the likeliest readings, and the choices of a correction.

/** The verdict, and the label of a correction, for a drawing that is not a digit. */
export const NOT_A_DIGIT = "not_a_digit";
const NOT_A_DIGIT_CLASS = 10; // the class after the digits, in model versions that have one
const STABLE = "stable"; // the version label that answers most visitors
const SHOWN_BARS = 3;
const REQUEST_ID_LENGTH = 8; // characters, enough to find the request in the logs

const element = (id) => document.getElementById(id);
const panel = element("answer");
const rows = [...element("bars").rows];
const choices = [...element("correction").querySelectorAll("button")];
let probabilities = []; // of the prediction that is shown
let predicted = null; // its class

/** "99 %", "7 %", "< 0.1 %"; 100 % and 0 % are for exactly 1 and 0. */
function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  const digits = share > 0.1 && share < 0.99 ? 0 : 1;
  return `${(share * 100).toFixed(digits).replace(/\.0$/, "")} %`;
}

const labelName = (label) => {
  if (label === NOT_A_DIGIT || label === NOT_A_DIGIT_CLASS) return "not a digit";
  return Number(label) === 8 ? "an 8" : `a ${label}`;
};

/** The class of a prediction: 0..9, or that of "not a digit". */
const classOf = ({ verdict, digit }) => (verdict === NOT_A_DIGIT ? NOT_A_DIGIT_CLASS : digit);

/** The label that says that a prediction was right. */
export const rightLabel = ({ verdict, digit }) => (verdict === NOT_A_DIGIT ? NOT_A_DIGIT : digit);

/** Classes from the likeliest to the least likely. */
const ranked = () =>
  probabilities.map((_, label) => label).sort((a, b) => probabilities[b] - probabilities[a]);

/** Texts for a prediction: a large glyph, a headline, and a sentence on its confidence. */
function textsFor({ id, verdict, digit, confidence, several }) {
  const percentage = percent(confidence);
  if (verdict === NOT_A_DIGIT && several) {
    return {
      glyph: "–",
      headline: "Several digits",
      detail: "One digit at a time, please.",
    };
  }
  if (verdict === NOT_A_DIGIT) {
    return {
      glyph: "–",
      headline: "That is not a digit",
      detail: `${percentage} sure. If it is one, draw it larger and plainer.`,
    };
  }
  if (verdict === "unsure") {
    const other = ranked().find((label) => label !== digit);
    return {
      glyph: `${digit}?`,
      headline: `It may be ${labelName(digit)}`,
      detail: `${percentage} is too little to be sure. Next: ${labelName(other)}, ${percent(probabilities[other])}.`,
    };
  }
  const degree =
    confidence >= 0.99 ? "almost certain" : confidence >= 0.9 ? "very likely" : "likely";
  return {
    glyph: String(digit),
    headline: `It is ${labelName(digit)}`,
    detail: `${percentage} confidence: ${degree}${id ? "" : "; not recorded"}.`,
  };
}

/** Shows a prediction, or a reading, which has no id and is not recorded. */
export function showPrediction(prediction) {
  probabilities = prediction.probabilities;
  const { glyph, headline, detail } = textsFor(prediction);
  panel.dataset.state = prediction.verdict;
  setText(element("glyph"), glyph);
  setText(element("headline"), headline);
  setText(element("confidence"), detail);

  predicted = classOf(prediction);
  showBars();
  element("instance").src = `data:image/png;base64,${prediction.instance}`;
  element("instance").hidden = false;
  showRecord(prediction);
}

/** Marks the moment at which the answer comes: the digit is stamped. */
export function celebrate() {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  element("glyph").animate(
    [
      { transform: "scale(1.5) rotate(-8deg)", opacity: 0 },
      { transform: "scale(0.94) rotate(1deg)", opacity: 1, offset: 0.7 },
      { transform: "none" },
    ],
    { duration: 320, easing: "ease-out" },
  );
}

/** Shows the likeliest readings, or all in their order. */
export function showBars() {
  const all = element("show-all").getAttribute("aria-pressed") === "true";
  const labels = rows.map((_, label) => label);
  const order = all || probabilities.length === 0 ? labels : ranked();
  // Rows keep their place and change their content: a row that moved would shift the layout.
  rows.forEach((row, place) => {
    const label = order[place];
    const share = probabilities[label] ?? 0;
    const missing = probabilities.length > 0 && probabilities[label] === undefined;
    row.hidden = missing || (!all && place >= SHOWN_BARS);
    setText(row.querySelector("th"), label === NOT_A_DIGIT_CLASS ? "none" : String(label));
    setText(row.querySelector(".percent"), percent(share));
    row.querySelector(".bar").style.width = `${share * 100}%`;
    row.classList.toggle("predicted", label === predicted);
  });
}

function showRecord(prediction) {
  const { model, predicted_at: at, recorded, id } = prediction;
  panel.dataset.recorded = id ? (recorded ?? "stored") : "not";
  const time = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const place = recorded === "spooled" ? "kept until the database is back" : "recorded";
  const label = model.label === STABLE ? "" : ` (${model.label})`;
  const version = `Model version ${model.version}${label}`;
  setText(
    element("record"),
    id ? `${version} · ${place} ${time}` : `${version} · not recorded; “predict it” does that`,
  );
  showCorrection(prediction);
}

/** Shows what the visitor said it was. */
export function showCorrection(prediction) {
  const label = prediction.correction ?? null;
  for (const choice of choices) {
    const means = choice.dataset.label === "yes" ? rightLabel(prediction) : choice.dataset.label;
    choice.setAttribute("aria-pressed", String(String(label) === String(means)));
  }
  setText(
    element("correction-legend"),
    label === null
      ? "Was it right? If not, what is it?"
      : `Noted: it is ${labelName(label)}. Thank you.`,
  );
}

const STATES = {
  empty: ["No answer yet", "Draw, then press “predict it”."],
  changed: ["Not read yet", "Press “predict it” to have it read."],
  live: ["Reading…", "“predict it” records it as well."],
  waiting: ["Reading…", "The model looks at your drawing."],
};

/** Shows that the drawing on the sheet has no answer (yet); what was there is greyed or goes. */
export function showState(state) {
  const [headline, detail] = STATES[state];
  panel.dataset.state = state;
  panel.dataset.recorded = "not";
  if (state === "empty") setText(element("glyph"), "?");
  setText(element("headline"), headline);
  setText(element("confidence"), detail);
  setText(element("record"), "");
  if (state === "empty") {
    probabilities = [];
    predicted = null;
    showBars();
    element("instance").hidden = true;
  }
}

/** Changes a text; the same text is not set again, so that it is announced once. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows a message in place of the answer, or removes it. `kind` is "error" or "note". */
export function showMessage(text = "", { kind = "note", requestId = "" } = {}) {
  const message = element("message");
  message.hidden = text === "";
  message.className = `message ${kind}`;
  message.textContent = text;
  if (requestId) {
    const id = document.createElement("small");
    id.textContent = ` Request ${requestId.slice(0, REQUEST_ID_LENGTH)}`;
    message.append(id);
  }
}
