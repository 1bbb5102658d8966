// Shows a prediction: the digit, its confidence, the likeliest readings, and the choices of a correction.

import { gettext, language, percent } from "./texts.js";

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

/** Names a label or a class in a sentence: "a 7", "an 8", "not a digit". */
export const labelName = (label) => {
  if (label === NOT_A_DIGIT || label === NOT_A_DIGIT_CLASS) return gettext("not a digit");
  return Number(label) === 8 ? gettext("an 8") : gettext("a %(digit)s", { digit: label });
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
      headline: gettext("Several digits"),
      detail: gettext("One digit at a time, please."),
    };
  }
  if (verdict === NOT_A_DIGIT) {
    return {
      glyph: "–",
      headline: gettext("That is not a digit"),
      detail: gettext("%(percentage)s sure. If it is one, draw it larger and plainer.", {
        percentage,
      }),
    };
  }
  if (verdict === "unsure") {
    const other = ranked().find((label) => label !== digit);
    return {
      glyph: `${digit}?`,
      headline: gettext("It may be %(label)s", { label: labelName(digit) }),
      detail: gettext(
        "%(percentage)s is too little to be sure. Next: %(other)s, %(otherPercentage)s.",
        {
          percentage,
          other: labelName(other),
          otherPercentage: percent(probabilities[other]),
        },
      ),
    };
  }
  const values = { percentage, degree: degreeOf(confidence) };
  return {
    glyph: String(digit),
    headline: gettext("It is %(label)s", { label: labelName(digit) }),
    detail: id
      ? gettext("%(percentage)s confidence: %(degree)s.", values)
      : gettext("%(percentage)s confidence: %(degree)s; not recorded.", values),
  };
}

function degreeOf(confidence) {
  if (confidence >= 0.99) return gettext("almost certain");
  return confidence >= 0.9 ? gettext("very likely") : gettext("likely");
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
    setText(row.querySelector("th"), label === NOT_A_DIGIT_CLASS ? gettext("none") : String(label));
    setText(row.querySelector(".percent"), percent(share));
    row.querySelector(".bar").style.width = `${share * 100}%`;
    row.classList.toggle("predicted", label === predicted);
  });
}

function showRecord(prediction) {
  const { model, predicted_at: at, recorded, id } = prediction;
  panel.dataset.recorded = id ? (recorded ?? "stored") : "not";
  const time = new Date(at).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
  const label = model.label === STABLE ? "" : ` (${model.label})`;
  const values = { version: `${model.version}${label}`, time };
  let text = gettext("Model version %(version)s · recorded %(time)s", values);
  if (recorded === "spooled") {
    text = gettext("Model version %(version)s · kept until the database is back %(time)s", values);
  }
  if (!id) {
    text = gettext("Model version %(version)s · not recorded; “predict it” does that", values);
  }
  setText(element("record"), text);
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
      ? gettext("Was it right? If not, what is it?")
      : gettext("Noted: it is %(label)s. Thank you.", { label: labelName(label) }),
  );
}

const STATES = {
  empty: [gettext("No answer yet"), gettext("Draw, then press “predict it”.")],
  changed: [gettext("Not read yet"), gettext("Press “predict it” to have it read.")],
  unread: [gettext("Not read yet"), gettext("Live reading does not get through just now.")],
  live: [gettext("Reading…"), gettext("“predict it” records it as well.")],
  waiting: [gettext("Reading…"), gettext("The model looks at your drawing.")],
};

/**
 * Shows that the drawing on the sheet has no answer (yet); what was there is greyed or goes.
 *
 * `reason` is said in place of the state's own sentence.
 */
export function showState(state, reason) {
  const [headline, detail] = STATES[state];
  panel.dataset.state = state;
  panel.dataset.recorded = "not";
  if (state === "empty") setText(element("glyph"), "?");
  setText(element("headline"), headline);
  setText(element("confidence"), reason ?? detail);
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

/** Shows a message in place of the answer, or removes it. `kind`: "error", "note", "repeating". */
export function showMessage(text = "", { kind = "note", requestId = "" } = {}) {
  const message = element("message");
  // The same text is not set again: it is announced once, however often a request is repeated.
  if (text && message.dataset.text === text) return;
  message.dataset.text = text;
  panel.dataset.message = text && kind;
  message.hidden = text === "";
  message.className = `message ${kind}`;
  message.textContent = text;
  if (requestId) {
    const id = document.createElement("small");
    const start = requestId.slice(0, REQUEST_ID_LENGTH);
    id.textContent = ` ${gettext("Request %(id)s", { id: start })}`;
    message.append(id);
  }
}
