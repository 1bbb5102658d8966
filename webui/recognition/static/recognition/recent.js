// The visitor's latest drawings, remembered by this browser alone; the site has no such list.

const KEY = "recent";
const MOST = 8;
const section = document.getElementById("recent");
const list = document.getElementById("recent-list");

function load() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter(({ id, instance }) => id && instance) : [];
  } catch {
    return []; // storage is off, or holds something else
  }
}

function save(kept) {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Storage is off or full: the list then lives as long as the page.
  }
}

let kept = load();

export function remember({ id, instance, verdict, digit }) {
  kept = [{ id, instance, verdict, digit }, ...kept.filter((one) => one.id !== id)].slice(0, MOST);
  save(kept);
}

export function forget(id) {
  kept = kept.filter((one) => one.id !== id);
  save(kept);
}

/** Lists them; `open` is called with the id of the one that is pressed. */
export function showRecent(open) {
  section.hidden = kept.length === 0;
  list.replaceChildren(
    ...kept.map(({ id, instance, verdict, digit }) => {
      const said =
        verdict === "not_a_digit" ? "not a digit" : `${digit}${verdict === "unsure" ? "?" : ""}`;
      const image = new Image(28, 28);
      image.src = `data:image/png;base64,${instance}`;
      image.alt = "";
      const text = document.createElement("span");
      text.textContent = verdict === "not_a_digit" ? "–" : said;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `show the drawing read as ${said}`);
      button.append(image, text);
      button.addEventListener("click", () => open(id));
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
}
