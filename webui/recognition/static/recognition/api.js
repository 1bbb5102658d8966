// Client of the JSON API; each of its errors has a message for the visitor.

const root = document.body.dataset.api;
const TIMEOUT_MS = 20_000; // longer than the site waits for a model server

/** A request that failed, with a message for people and the id that finds it in the logs. */
export class ApiError extends Error {
  constructor(message, { code = "", requestId = "", status = 0, retryAfter = 1 } = {}) {
    super(message);
    this.code = code;
    this.requestId = requestId;
    this.status = status;
    this.retryAfter = retryAfter; // seconds
  }
}

/** Sends a drawing and returns the prediction, which is recorded. */
export function predict(blob, ink) {
  const form = new FormData();
  form.append("image", blob, "drawing");
  if (ink) form.append("ink", JSON.stringify(ink));
  return request("POST", "/predictions", form);
}

/** Sends a drawing and returns what a prediction would say; nothing is recorded. */
export function readDrawing(blob, signal) {
  const form = new FormData();
  form.append("image", blob, "drawing");
  return request("POST", "/readings", form, signal);
}

export const read = (id) => request("GET", `/predictions/${id}`);
export const readInk = async (id) => (await request("GET", `/predictions/${id}/ink`)).ink;
export const readPicture = (id) => request("GET", `/predictions/${id}/picture`);
export const remove = (id) => request("DELETE", `/predictions/${id}`);
export const correct = (id, label) =>
  request("POST", `/predictions/${id}/correction`, JSON.stringify({ label }));

/** Sends a request to a path of the API and returns the answer; throws ApiError. */
export async function request(method, path, body, cancelled) {
  const headers = { "X-CSRFToken": cookie("csrftoken") };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  // Older browsers cannot wait for either of two signals.
  const signal = cancelled ? (AbortSignal.any?.([timeout, cancelled]) ?? cancelled) : timeout;
  let response;
  try {
    response = await fetch(root + path, { method, headers, body, signal, redirect: "error" });
  } catch (error) {
    if (!navigator.onLine)
      throw new ApiError(
        "You are offline. Your drawing is still here; try again when you are back.",
      );
    if (error.name === "TimeoutError")
      throw new ApiError("The site took too long to answer. Please try again.");
    throw new ApiError(
      "The site cannot be reached just now. Your drawing is still here; please try again.",
    );
  }
  if (response.status === 204) return null;
  let answer;
  try {
    const isPicture = response.headers.get("Content-Type")?.startsWith("image/");
    answer = await (isPicture ? response.blob() : response.json());
  } catch {
    throw new ApiError("The site gave an answer that cannot be read. Please try again.", {
      status: response.status,
    });
  }
  if (response.ok) return answer;
  const { status } = response;
  const { code, message, request_id: requestId } = answer.error ?? {};
  const retryAfter = Number(response.headers.get("Retry-After")) || 1;
  if (status === 429) {
    const wait = retryAfter === 1 ? "a second" : `${retryAfter} seconds`;
    throw new ApiError(`That was too much at once. Please try again in ${wait}.`, {
      code,
      status,
      retryAfter,
    });
  }
  throw new ApiError(message ?? "Something went wrong.", { code, requestId, status, retryAfter });
}

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
