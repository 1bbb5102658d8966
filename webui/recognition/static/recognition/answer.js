// Shows a prediction: the digit, its confidence, all probabilities, and the choices of a correction.

/** The verdict, and the label of a correction, for a drawing that is not a digit. */
export const NOT_A_DIGIT = "not_a_digit";
const NOT_A_DIGIT_CLASS = 10; // the class after the digits, in model versions that have one
const STABLE = "stable"; // the version label that answers most visitors

const element = (id) => document.getElementById(id);
const panel = element("answer");
const rows = [...element("bars").rows];
const choices = [...element("correction").querySelectorAll("button")];

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

/** Texts for a prediction: a large glyph, a headline, and a sentence on its confidence. */
function textsFor({ verdict, digit, confidence, probabilities }) {
  const percentage = percent(confidence);
  if (verdict === NOT_A_DIGIT) {
    return {
      glyph: "–",
      headline: "That is not a digit",
      detail: `${percentage} sure. If it is one, draw it larger and plainer.`,
    };
  }
  if (verdict === "unsure") {
    const order = probabilities
      .map((share, label) => ({ share, label }))
      .sort((a, b) => b.share - a.share);
    const other = order.find(({ label }) => label !== digit);
    return {
      glyph: `${digit}?`,
      headline: `Unsure: perhaps ${labelName(digit)}`,
      detail: `${percentage} likely; ${labelName(other.label)} has ${percent(other.share)}.`,
    };
  }
  const degree =
    confidence >= 0.99 ? "almost certain" : confidence >= 0.9 ? "very likely" : "likely";
  return {
    glyph: String(digit),
    headline: `It is ${labelName(digit)}`,
    detail: `${percentage} confidence: ${degree}.`,
  };
}

export function showPrediction(prediction) {
  const { glyph, headline, detail } = textsFor(prediction);
  panel.dataset.state = prediction.verdict;
  element("glyph").textContent = glyph;
  setText(element("headline"), headline);
  setText(element("confidence"), detail);

  const { probabilities } = prediction;
  const predicted = prediction.verdict === NOT_A_DIGIT ? NOT_A_DIGIT_CLASS : prediction.digit;
  rows.forEach((row, label) => {
    const share = probabilities[label];
    row.hidden = share === undefined;
    if (row.hidden) return;
    row.querySelector(".bar").style.width = `${share * 100}%`;
    row.querySelector(".percent").textContent = percent(share);
    row.classList.toggle("predicted", label === predicted);
  });

  element("instance").src = `data:image/png;base64,${prediction.instance}`;
  element("seen").hidden = false;

  const { model, predicted_at: at, recorded } = prediction;
  const time = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const place = recorded === "spooled" ? "kept until the database is back" : "recorded";
  const label = model.label === STABLE ? "" : ` (${model.label})`;
  element("record").textContent = `Model version ${model.version}${label} · ${place} ${time}`;
  element("record").dataset.recorded = recorded ?? "stored";
  element("after").hidden = false;
  showCorrection(prediction);
}

/** Shows what the visitor said it was. */
export function showCorrection({ correction }) {
  const label = correction ?? null;
  for (const choice of choices) {
    const chosen = choice.dataset.label === String(label);
    choice.setAttribute("aria-pressed", String(chosen));
  }
  element("correction-legend").textContent =
    label === null
      ? "That’s wrong? Say what it is:"
      : `Noted: it is ${labelName(label)}. Thank you.`;
}

const STATES = {
  empty: ["The answer appears here", "Draw, then press “predict it”."],
  changed: ["Not read yet", "Press “predict it” to have it read."],
  waiting: ["Reading…", "The model looks at your drawing."],
};

/** Shows that the drawing on the sheet has no answer (yet). */
export function showState(state) {
  const [headline, detail] = STATES[state];
  panel.dataset.state = state;
  element("glyph").textContent = "?";
  setText(element("headline"), headline);
  setText(element("confidence"), detail);
  for (const row of rows) {
    row.querySelector(".bar").style.width = "0";
    row.querySelector(".percent").textContent = "–";
    row.classList.remove("predicted");
  }
  element("seen").hidden = true;
  element("after").hidden = true;
}

/** Changes a text; the same text is not set again, so that it is announced once. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows a message above the answer, or removes it. `kind` is "error" or "note". */
export function showMessage(text = "", { kind = "note", requestId = "" } = {}) {
  const message = element("message");
  message.hidden = text === "";
  message.className = `message ${kind}`;
  message.textContent = text;
  if (requestId) {
    const id = document.createElement("small");
    id.textContent = ` Request ${requestId}`;
    message.append(id);
  }
}
