// The JSON API, with every failure turned into a sentence for the visitor.

const root = document.body.dataset.api;
const PATIENCE = 20_000; // milliseconds; the site itself gives up on a model before that

/** Why something did not work: a message for people, and the id that finds it in the logs. */
export class Problem extends Error {
  constructor(message, { code = "", requestId = "", status = 0 } = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.status = status;
  }
}

/** Sends a drawing; gives the prediction as the API answers it. */
export function predict(blob, ink) {
  const form = new FormData();
  form.append("image", blob, "drawing");
  if (ink) form.append("ink", JSON.stringify(ink));
  return request("POST", "/predictions", form);
}

export const read = (id) => request("GET", `/predictions/${id}`);
export const remove = (id) => request("DELETE", `/predictions/${id}`);
export const correct = (id, label) =>
  request("POST", `/predictions/${id}/correction`, JSON.stringify({ label }));

async function request(method, path, body) {
  const headers = { "X-CSRFToken": cookie("csrftoken") };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  let response;
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    response = await fetch(root + path, { method, headers, body, signal, redirect: "error" });
  } catch (failure) {
    if (!navigator.onLine)
      throw new Problem(
        "You are offline. Your drawing is still here; try again when you are back.",
      );
    if (failure.name === "TimeoutError")
      throw new Problem("The site took too long to answer. Please try again.");
    throw new Problem(
      "The site cannot be reached just now. Your drawing is still here; please try again.",
    );
  }
  if (response.status === 204) return null;
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Problem("The site gave an answer that cannot be read. Please try again.", {
      status: response.status,
    });
  }
  if (response.ok) return answer;
  const { code, message, request_id: requestId } = answer.error ?? {};
  throw new Problem(message ?? "Something went wrong.", {
    code,
    requestId,
    status: response.status,
  });
}

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
