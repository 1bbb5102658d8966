// Keys of the grid; without this script its check boxes and buttons work as well.

const TEXTS = { n: ["not_a_digit", "not a digit"], x: ["rejected", "rejected"] };

const form = document.getElementById("grid-form");
const cells = [...document.querySelectorAll("#grid li")];
const box = (cell) => cell.querySelector("input[type=checkbox]");

/** The number of cells in a line, which depends on the window. */
function perLine() {
  const top = cells[0].offsetTop;
  const next = cells.findIndex((cell) => cell.offsetTop !== top);
  return next === -1 ? cells.length : next;
}

function relabel(cell, label, text) {
  cell.querySelector(".review-cell-value").value = label;
  cell.querySelector(".review-cell-label").textContent = text;
  cell.classList.add("changed");
  box(cell).checked = false;
  box(cell).setAttribute("aria-label", `mark drawing ${cells.indexOf(cell) + 1}, ${text}`);
}

function move(from, by) {
  const to = cells[from + by];
  if (to) box(to).focus();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.key === "u") {
    document.getElementById("undo").click();
    return;
  }
  if (cells.length === 0) return;
  if (event.key === "Enter" && !event.target.closest("a, button")) {
    event.preventDefault();
    form.querySelector("[name=accept]").click();
    return;
  }
  const place = cells.findIndex((cell) => cell.contains(document.activeElement));
  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -perLine(), ArrowDown: perLine() };
  if (event.key in moves) {
    event.preventDefault();
    if (place === -1) box(cells[0]).focus();
    else move(place, moves[event.key]);
  } else if (place !== -1 && /^[0-9]$/.test(event.key)) {
    relabel(cells[place], event.key, event.key);
    move(place, 1);
  } else if (place !== -1 && event.key in TEXTS) {
    relabel(cells[place], ...TEXTS[event.key]);
    move(place, 1);
  }
});
