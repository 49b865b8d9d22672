// The HTTP interface under /api/v1, as this page uses it. Whatever goes wrong comes out as a Problem.

import { language } from "./i18n.js";

const root = "/api/v1";

/** What a person can be told: a stable code, and the service's own sentence and advice if it sent any. */
export class Problem extends Error {
  constructor(code, { detail = "", advice = "", status = 0, limit = 0 } = {}) {
    super(code);
    Object.assign(this, { code, detail, advice, status, limit });
  }

  /** The problem+json body of an answer, or the error object of a task's status. */
  static from(body, status = 0) {
    if (typeof body?.code !== "string") {
      return new Problem("unexpected", { status });
    }
    return new Problem(body.code, { ...body, status });
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function call(method, path, signal, body) {
  let response;
  try {
    response = await fetch(path, { method, signal, body, cache: "no-store", headers: { "Accept-Language": language() } });
  } catch {
    throw new Problem(signal?.aborted ? "cancelled" : "offline");
  }
  if (!response.ok) {
    throw Problem.from(parse(await response.text()), response.status);
  }
  return response;
}

async function json(method, path, signal, form) {
  const response = await call(method, path, signal, form);
  const body = parse(await response.text());
  if (body === null) {
    throw new Problem("unexpected", { status: response.status });
  }
  return body;
}

/** The catalogue of documents. */
export async function documents() {
  const body = await json("GET", `${root}/specs`);
  const specs = Array.isArray(body) ? body : body.specs;
  return specs.filter((s) => s.available !== false);
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) {
    form.append(name, value);
  }
  return form;
}

/** Asks for another photo of a task's picture; fields say what is different from before. */
export function render(id, fields, signal) {
  return json("POST", `${root}/tasks/${encodeURIComponent(id)}/render`, signal, formOf(fields));
}

/**
 * Sends a picture. XMLHttpRequest, because fetch cannot tell how much has been sent. The file's
 * name stays here: the part is always called "picture".
 * @param order {file, fields, key}: fields as the service's form has them; the same key never makes two tasks
 * @param onSent called with the fraction sent, 0 to 1
 */
export function generate(order, onSent, signal) {
  const form = formOf(order.fields);
  form.append("image", order.file, "picture");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${root}/generate`);
    request.setRequestHeader("Accept-Language", language());
    request.setRequestHeader("Idempotency-Key", order.key);
    request.upload.onprogress = (e) => e.lengthComputable && onSent(e.loaded / e.total);
    request.onload = () => {
      const body = parse(request.responseText);
      if (request.status === 202 && typeof body?.task_id === "string") {
        resolve(body);
      } else {
        reject(Problem.from(body, request.status));
      }
    };
    request.onerror = () => reject(new Problem("offline"));
    request.onabort = () => reject(new Problem("cancelled"));
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Where a task stands. */
export function status(id, signal) {
  return json("GET", `${root}/status/${encodeURIComponent(id)}`, signal);
}

/** The address of a task's server-sent events. */
export function eventsPath(id) {
  return `${root}/tasks/${encodeURIComponent(id)}/events`;
}

/** The address of one part of a finished task: photo, hd, cutout or report. */
export function resultPath(id, part) {
  return `${root}/result/${encodeURIComponent(id)}?part=${part}`;
}

/** The finished photo itself. */
export async function photo(id) {
  const response = await call("GET", resultPath(id, "photo"));
  return response.blob();
}

/** The papers that a sheet can be printed on, the usual one first. */
export async function papers() {
  return (await json("GET", `${root}/papers`)).papers;
}

/** The address of a print sheet of the photo; query is URLSearchParams. */
export function sheetPath(id, query) {
  return `${resultPath(id, "sheet")}&${query}`;
}

/** A print sheet, and how many photos it has. */
export async function sheet(id, query, signal) {
  const response = await call("GET", sheetPath(id, query), signal);
  return { blob: await response.blob(), count: Number(response.headers.get("Sheet-Placed")) };
}

/** What the service measured on the photo; null when it cannot be had, which is no reason to hide the photo. */
export async function report(id) {
  try {
    return await json("GET", resultPath(id, "report"));
  } catch {
    return null;
  }
}

/** Sends a picture of many people, to make a photo of everybody; fields as of one photo. */
export function group(file, fields) {
  const form = formOf({ kind: "group", ...fields });
  form.append("image", file, "picture");
  return json("POST", `${root}/batches`, undefined, form);
}

/** How a batch fares. */
export function batch(id) {
  return json("GET", `${root}/batches/${encodeURIComponent(id)}`);
}

/** The address of a batch's photos as one archive. */
export function archivePath(id) {
  return `${root}/batches/${encodeURIComponent(id)}/results.zip`;
}

/** Removes a batch's pictures. One that is already gone is no problem. */
export function eraseBatch(id) {
  return remove(`${root}/batches/${encodeURIComponent(id)}`);
}

/** Asks the service to stop a task. */
export async function cancel(id) {
  await call("POST", `${root}/tasks/${encodeURIComponent(id)}/cancel`);
}

/** Removes a task's pictures. One that is already gone is no problem. */
export function erase(id) {
  return remove(`${root}/tasks/${encodeURIComponent(id)}`);
}

async function remove(path) {
  try {
    await call("DELETE", path);
  } catch (err) {
    if (err.status !== 404 && err.status !== 410) {
      throw err;
    }
  }
}
