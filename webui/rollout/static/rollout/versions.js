// Updates the page "Model versions" while it is visible: states and the change in progress are
// written into it. When versions or labels change the page is reloaded, since the steps that it
// offers change with them.

const SECONDS = 2;
const page = document.querySelector(".versions-page");
const server = document.querySelector("#server");
const inProgress = document.querySelector("#in-progress");
const inProgressItem = document.querySelector("#in-progress-item");
const problems = document.querySelector("#problems");

const setText = (element, text) => {
  if (element.textContent !== text) element.textContent = text;
};

const rowsOf = () => [...document.querySelectorAll("tr[data-version]")];

function shape(versions) {
  return Object.entries(versions)
    .map(([version, { labels }]) => `${version}:${labels.join(",")}`)
    .sort()
    .join(" ");
}

function shapeOfPage() {
  return rowsOf()
    .map((row) => `${row.dataset.version}:${row.dataset.labels}`)
    .sort()
    .join(" ");
}

function show(status) {
  if (shape(status.versions) !== shapeOfPage()) {
    window.location.reload();
    return;
  }
  showServer(status.server_answers ? "answers" : "does not answer", status.server_answers);
  setText(inProgress, status.in_progress);
  inProgressItem.hidden = !status.in_progress;
  problems.hidden = status.problems.length === 0;
  const shown = [...problems.children].map((item) => item.textContent);
  if (shown.join("\n") !== status.problems.join("\n")) {
    problems.replaceChildren(
      ...status.problems.map((problem) => {
        const item = document.createElement("li");
        item.textContent = problem;
        return item;
      }),
    );
  }
  for (const row of rowsOf()) {
    const { state, error } = status.versions[row.dataset.version];
    const badge = row.querySelector(".state");
    setText(badge, error ? "failed" : state || "not loaded");
    badge.className = `state state-${error ? "failed" : state || "none"}`;
    setText(row.querySelector(".state-error"), error);
  }
}

function showServer(text, well) {
  setText(server, text);
  server.className = `state ${well ? "state-AVAILABLE" : "state-failed"}`;
}

async function look() {
  if (document.visibilityState === "visible") {
    try {
      const response = await fetch(page.dataset.statusUrl, {
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(10_000),
      });
      if (response.redirected || response.status === 403) return; // signed out: nothing to see
      if (response.ok) show(await response.json());
    } catch {
      showServer("unknown: this site does not answer", false);
    }
  }
  setTimeout(look, SECONDS * 1000);
}

setTimeout(look, SECONDS * 1000);
