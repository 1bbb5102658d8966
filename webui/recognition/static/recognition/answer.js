// Shows a prediction: what it is, how sure that is, why, and what can be done about it.

const element = (id) => document.getElementById(id);
const panel = element("answer");
const rows = [...element("bars").rows];
const choices = [...element("correction").querySelectorAll("button")];

/** "99.9 %", "7 %", "< 0.1 %": never 100 % or 0 % of what is not exactly that. */
export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  const digits = share > 0.1 && share < 0.99 ? 0 : 1;
  return `${(share * 100).toFixed(digits).replace(/\.0$/, "")} %`;
}

const name = (label) => {
  if (label === "not_a_digit" || label === 10) return "not a digit";
  return Number(label) === 8 ? "an 8" : `a ${label}`;
};

/** What to say to a prediction: the large glyph, a headline, and a sentence on its confidence. */
export function wording({ verdict, digit, confidence, probabilities }) {
  const sure = percent(confidence);
  if (verdict === "not_a_digit") {
    return {
      glyph: "–",
      headline: "That is not a digit",
      detail: `${sure} sure. If it is one, draw it larger and plainer.`,
    };
  }
  if (verdict === "unsure") {
    const order = probabilities
      .map((share, label) => ({ share, label }))
      .sort((a, b) => b.share - a.share);
    const other = order.find(({ label }) => label !== digit);
    return {
      glyph: `${digit}?`,
      headline: `Unsure: perhaps ${name(digit)}`,
      detail: `${sure} likely; ${name(other.label)} has ${percent(other.share)}.`,
    };
  }
  const how = confidence >= 0.99 ? "almost certain" : confidence >= 0.9 ? "very likely" : "likely";
  return {
    glyph: String(digit),
    headline: `It is ${name(digit)}`,
    detail: `${sure} confidence: ${how}.`,
  };
}

export function showPrediction(prediction) {
  const { glyph, headline, detail } = wording(prediction);
  panel.dataset.state = prediction.verdict;
  element("glyph").textContent = glyph;
  element("headline").textContent = headline;
  element("confidence").textContent = detail;

  const { probabilities } = prediction;
  const said = prediction.verdict === "not_a_digit" ? 10 : prediction.digit;
  rows.forEach((row, label) => {
    const share = probabilities[label];
    row.hidden = share === undefined;
    if (row.hidden) return;
    row.querySelector(".bar").style.width = `${share * 100}%`;
    row.querySelector(".percent").textContent = percent(share);
    row.classList.toggle("said", label === said);
  });

  element("instance").src = `data:image/png;base64,${prediction.instance}`;
  element("seen").hidden = false;

  const { model, predicted_at: at, recorded } = prediction;
  const time = new Date(at).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
  const kept = recorded === "spooled" ? "kept until the database is back" : "recorded";
  const label = model.label === "stable" ? "" : ` (${model.label})`;
  element("record").textContent = `Model version ${model.version}${label} · ${kept} ${time}`;
  element("record").dataset.recorded = recorded ?? "stored";
  element("after").hidden = false;
  showCorrection(prediction.correction ?? null);
}

export function showCorrection(label) {
  for (const choice of choices) {
    const chosen = choice.dataset.label === String(label);
    choice.setAttribute("aria-pressed", String(chosen));
  }
  element("correction-legend").textContent =
    label === null ? "That’s wrong? Say what it is:" : `Noted: it is ${name(label)}. Thank you.`;
}

export function showNothing() {
  panel.dataset.state = "empty";
  element("glyph").textContent = "?";
  element("headline").textContent = "The answer appears here";
  element("confidence").textContent = "Draw, then press “predict it”.";
  for (const row of rows) {
    row.querySelector(".bar").style.width = "0";
    row.querySelector(".percent").textContent = "–";
    row.classList.remove("said");
  }
  element("seen").hidden = true;
  element("after").hidden = true;
}

/** A message above the answer; none clears it. `kind` is "error" or "note". */
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
