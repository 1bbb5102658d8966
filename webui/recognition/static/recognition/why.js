// Shows which ink decided: the drawing as the model saw it, with marks on the ink that mattered.

import { labelName } from "./answer.js";
import { explain } from "./api.js";
import { gettext, percent } from "./texts.js";

const SIDE = 28;
const CELL = 12; // pixels of the canvas for one of the model's
const LEAST = 0.1; // of the strongest mark; weaker ones are left out
const DECIDES = 0.1; // of the probability; less is called no decision
const RISES = 0.01; // of all probability; a runner-up that rises less never gets far
// Okabe and Ito's colours, which are told apart with every kind of colour blindness.
const FOR = "#56b4e9";
const AGAINST = "#e69f00";

const element = (id) => document.getElementById(id);
const dialog = element("why-dialog");
const canvas = element("why-map");
const choices = [...dialog.querySelectorAll("[data-part]")];
const explanations = new Map(); // by the id of the prediction
let shown = null; // the prediction that is explained

/** Opens the explanation of a prediction; `describe` gives the text for an error. */
export async function showWhy(prediction, describe) {
  shown = prediction;
  await paint(null, "answer");
  element("why-text").textContent = gettext("Asking the model…");
  element("why-note").textContent = "";
  choices.forEach((choice, place) => {
    choice.disabled = true;
    choice.textContent = place === 0 ? gettext("the answer") : gettext("the runner-up");
  });
  dialog.showModal();
  try {
    const { id } = prediction;
    if (!explanations.has(id)) explanations.set(id, await explain(id));
    if (shown === prediction) show("answer");
  } catch (error) {
    if (shown === prediction) element("why-text").textContent = describe(error);
  }
}

/** Shows the map of the answer or of the runner-up. */
function show(part) {
  const explanation = explanations.get(shown.id);
  const texts = {
    answer: gettext("the answer: %(label)s", { label: labelName(explanation.answer.label) }),
    runner_up: gettext("the runner-up: %(label)s", {
      label: labelName(explanation.runner_up.label),
    }),
  };
  for (const choice of choices) {
    choice.disabled = false;
    choice.textContent = texts[choice.dataset.part];
    choice.setAttribute("aria-pressed", String(choice.dataset.part === part));
  }
  const text = sentence(explanation[part], part === "answer");
  element("why-text").textContent = text;
  canvas.setAttribute("aria-label", text);
  element("why-note").textContent = explanation.same_version
    ? ""
    : gettext("Version %(answered)s, which answered, is gone; version %(asked)s explains.", {
        answered: shown.model.version,
        asked: explanation.model.version,
      });
  paint(explanation[part].map, part);
}

function sentence({ label, probability, lowest, highest, map }, isAnswer) {
  const values = { label: labelName(label), place: placeOf(map, isAnswer), share: "" };
  if (isAnswer && lowest < probability * (1 - DECIDES)) {
    return gettext(
      "Most depends on the ink %(place)s: without it, %(label)s falls from %(before)s to %(share)s.",
      { ...values, before: percent(probability), share: percent(lowest) },
    );
  }
  if (isAnswer) {
    return gettext("No single part decides: whichever is covered, %(label)s stays at %(share)s.", {
      ...values,
      share: percent(lowest),
    });
  }
  if (highest > probability + RISES) {
    return gettext(
      "The ink %(place)s speaks most against it: without it, %(label)s rises from %(before)s to %(share)s.",
      { ...values, before: percent(probability), share: percent(highest) },
    );
  }
  return gettext("Whichever part is covered, %(label)s stays at %(share)s at most.", {
    ...values,
    share: percent(highest),
  });
}

/** Names the place of the ink that speaks most for a reading, or most against it. */
function placeOf(map, isFor) {
  let best = { value: 0, row: SIDE / 2, column: SIDE / 2 };
  map.forEach((values, row) => {
    values.forEach((value, column) => {
      const strength = isFor ? value : -value;
      if (strength > best.value) best = { value: strength, row, column };
    });
  });
  const third = (place) => (place < 11 ? 0 : place < 17 ? 1 : 2);
  const names = [
    [gettext("at the top left"), gettext("at the top"), gettext("at the top right")],
    [gettext("at the left"), gettext("in the middle"), gettext("at the right")],
    [gettext("at the bottom left"), gettext("at the bottom"), gettext("at the bottom right")],
  ];
  return names[third(best.row)][third(best.column)];
}

/** Paints the instance, and on it discs for ink that speaks for the reading, rings for against. */
async function paint(map, part) {
  const image = new Image(SIDE, SIDE);
  image.src = `data:image/png;base64,${shown.instance}`;
  await image.decode();
  if (
    map &&
    choices.find(({ dataset }) => dataset.part === part).getAttribute("aria-pressed") !== "true"
  )
    return;
  canvas.width = canvas.height = SIDE * CELL;
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.globalAlpha = 0.6; // the marks must stand out from the ink
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
  const strongest = Math.max(...(map ?? [[0]]).flat().map(Math.abs));
  map?.forEach((values, row) => {
    values.forEach((value, column) => {
      if (Math.abs(value) > LEAST * strongest) {
        mark(context, { row, column, share: value / strongest });
      }
    });
  });
}

/** Marks one pixel; the area of the mark is its share of the strongest. */
function mark(context, { row, column, share }) {
  const radius = (Math.sqrt(Math.abs(share)) * CELL) / 2;
  context.beginPath();
  context.arc((column + 0.5) * CELL, (row + 0.5) * CELL, radius, 0, 2 * Math.PI);
  if (share > 0) {
    context.fillStyle = FOR;
    context.fill();
  } else {
    context.strokeStyle = AGAINST;
    context.lineWidth = CELL / 6;
    context.stroke();
  }
}

for (const choice of choices) choice.addEventListener("click", () => show(choice.dataset.part));
element("why-close").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close(); // beside the dialog
});
