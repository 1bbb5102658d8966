// The visitor's latest drawings, stored in this browser only; the site has no such list.

import { NOT_A_DIGIT } from "./answer.js";
import { gettext } from "./texts.js";

const KEY = "recent";
const MAX_ENTRIES = 8;
const section = document.getElementById("recent");
const list = document.getElementById("recent-list");

function load() {
  try {
    const stored = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(stored) ? stored.filter(({ id, instance }) => id && instance) : [];
  } catch {
    return []; // storage is off, or holds something else
  }
}

function save() {
  try {
    localStorage.setItem(KEY, JSON.stringify(entries));
  } catch {
    // Storage is off or full: the list is lost when the page is closed.
  }
}

let entries = load();

export function remember({ id, instance, verdict, digit }) {
  entries = [{ id, instance, verdict, digit }, ...entries.filter((entry) => entry.id !== id)].slice(
    0,
    MAX_ENTRIES,
  );
  save();
}

export function forget(id) {
  entries = entries.filter((entry) => entry.id !== id);
  save();
}

/** Lists the drawings; pressing one calls `open` with its id. */
export function showRecent(open) {
  section.hidden = entries.length === 0;
  list.replaceChildren(
    ...entries.map(({ id, instance, verdict, digit }) => {
      const reading =
        verdict === NOT_A_DIGIT
          ? gettext("not a digit")
          : `${digit}${verdict === "unsure" ? "?" : ""}`;
      const image = new Image(28, 28);
      image.src = `data:image/png;base64,${instance}`;
      image.alt = "";
      const text = document.createElement("span");
      text.textContent = verdict === NOT_A_DIGIT ? "–" : reading;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute(
        "aria-label",
        gettext("show the drawing read as %(reading)s", { reading }),
      );
      button.append(image, text);
      button.addEventListener("click", () => open(id));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}
