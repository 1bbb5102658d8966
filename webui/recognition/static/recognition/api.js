// Client of the JSON API; each of its errors has a message for the visitor.

import { gettext } from "./texts.js";

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

/** What the codes of the API's errors mean on the page, in the visitor's language. */
function messageOf(code) {
  switch (code) {
    case "blank_picture":
      return gettext("The picture is blank. Draw a digit first, then press “predict it”.");
    case "not_a_picture":
    case "unsupported_media_type":
      return gettext("This is not a picture that can be read here. PNG, JPEG and WebP can.");
    case "too_large":
      return gettext("The picture is too large. Please choose a smaller one.");
    case "busy":
      return gettext("Several large pictures are being read just now. Nothing was recorded.");
    case "model_unavailable":
    case "model_answer_unusable":
      return gettext("No model answers just now, so nothing was recorded.");
    case "store_unavailable":
    case "unavailable":
    case "request_in_progress":
      return gettext("The site is overloaded or its database is away, so nothing was changed.");
    case "not_found":
      return gettext("That drawing is no longer there.");
    case "csrf_failed":
    case "cross_site":
      return gettext("This page is too old. Please reload it.");
    case "internal_error":
      return gettext("Something went wrong on our side.");
  }
  return null;
}

/** Sends a drawing and returns the prediction, which is recorded once for each key. */
export function predict(blob, ink, idempotencyKey) {
  const form = new FormData();
  form.append("image", blob, "drawing");
  if (ink) form.append("ink", JSON.stringify(ink));
  const headers = { "Idempotency-Key": idempotencyKey };
  return request("POST", "/predictions", form, { headers });
}

/** Sends a drawing and returns what a prediction would say; nothing is recorded. */
export function readDrawing(blob, signal) {
  const form = new FormData();
  form.append("image", blob, "drawing");
  return request("POST", "/readings", form, { cancelled: signal });
}

export const read = (id) => request("GET", `/predictions/${id}`);
export const readInk = async (id) => (await request("GET", `/predictions/${id}/ink`)).ink;
export const explain = (id) => request("GET", `/predictions/${id}/explanation`);
export const readPicture = (id) => request("GET", `/predictions/${id}/picture`);
export const remove = (id) => request("DELETE", `/predictions/${id}`);
export const correct = (id, label) =>
  request("POST", `/predictions/${id}/correction`, JSON.stringify({ label }));

/** Sends a request to a path of the API and returns the answer; throws ApiError. */
export async function request(method, path, body, { cancelled, headers: more } = {}) {
  const headers = { "X-CSRFToken": cookie("csrftoken"), ...more };
  if (typeof body === "string") headers["Content-Type"] = "application/json";
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  // Older browsers cannot wait for either of two signals.
  const signal = cancelled ? (AbortSignal.any?.([timeout, cancelled]) ?? cancelled) : timeout;
  let response;
  try {
    response = await fetch(root + path, { method, headers, body, signal, redirect: "error" });
  } catch (error) {
    if (!navigator.onLine)
      throw new ApiError(gettext("You are offline. Your drawing is kept."), { code: "offline" });
    if (error.name === "TimeoutError")
      throw new ApiError(gettext("The site takes too long to answer. Your drawing is kept."));
    throw new ApiError(gettext("The site cannot be reached just now. Your drawing is kept."));
  }
  if (response.status === 204) return null;
  let answer;
  try {
    const isPicture = response.headers.get("Content-Type")?.startsWith("image/");
    answer = await (isPicture ? response.blob() : response.json());
  } catch {
    throw new ApiError(gettext("The site gave an answer that cannot be read."), {
      status: response.status,
    });
  }
  if (response.ok) return answer;
  const { status } = response;
  const { code, message, request_id: requestId } = answer.error ?? {};
  const retryAfter = Number(response.headers.get("Retry-After")) || 1;
  if (status === 429) {
    const wait = { seconds: retryAfter };
    throw new ApiError(
      gettext("That was too much at once. More is possible in %(seconds)s s.", wait),
      { code, status, retryAfter },
    );
  }
  throw new ApiError(messageOf(code) ?? message ?? gettext("Something went wrong."), {
    code,
    requestId,
    status,
    retryAfter,
  });
}

function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}
