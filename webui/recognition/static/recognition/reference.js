// The API's reference: one language at a time, and buttons that copy a program.

const KEPT = "language"; // in localStorage
const LANGUAGES = ["curl", "Python", "JavaScript"];
const status = document.getElementById("copied");

function show(language) {
  document.body.dataset.language = language;
  for (const button of document.querySelectorAll(".languages button")) {
    button.setAttribute("aria-pressed", String(button.textContent === language));
  }
  localStorage.setItem(KEPT, language);
}

function addLanguages(programs) {
  const group = document.createElement("div");
  group.className = "languages";
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", "Language of the programs");
  for (const language of LANGUAGES) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = language;
    button.addEventListener("click", () => {
      const before = group.getBoundingClientRect().top;
      show(language);
      scrollBy(0, group.getBoundingClientRect().top - before); // the programs above have other heights
    });
    group.append(button);
  }
  programs.prepend(group);
}

async function copy(code) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(code.textContent);
    return;
  }
  getSelection().selectAllChildren(code); // without TLS, on another host than this machine
  document.execCommand("copy");
}

function addCopyButton(program) {
  const button = document.createElement("button");
  const name = program.querySelector("pre").getAttribute("aria-label");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.setAttribute("aria-label", `copy: ${name}`);
  button.addEventListener("click", async () => {
    await copy(program.querySelector("code"));
    button.textContent = "copied";
    status.textContent = `Copied: ${name}`;
    setTimeout(() => {
      button.textContent = "copy";
    }, 2000);
  });
  program.append(button);
}

document.querySelectorAll(".programs").forEach(addLanguages);
document.querySelectorAll(".program").forEach(addCopyButton);
const kept = localStorage.getItem(KEPT);
show(LANGUAGES.includes(kept) ? kept : LANGUAGES[0]);
