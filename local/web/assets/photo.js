// The right pane: the document's outline while there is no photo, the work in progress, the photo
// with its downloads, or the reason why there is none.

import { resultPath } from "./api.js";
import { paint } from "./backgrounds.js";
import { closeChecks, showChecks, startChecks } from "./checks.js";
import { fileSize, knows, number, onLanguage, t } from "./i18n.js";
import { $, announce, wording } from "./page.js";
import { setPrintable, startPrint } from "./print.js";
import { backgroundName, documentName } from "./settings.js";

// Another photo of a picture has "recall" in place of what the networks do.
const stages = ["fetch", "decode", "detect", "landmarks", "matte", "recall", "geometry", "check", "compose", "encode", "store"];

let view = { state: "empty", spec: null, background: "" };

/** Which of empty, working, done, held and failed is shown. */
export function photoState() {
  return view.state;
}

/** The outline of what would be made with these settings. */
export function showOutline(spec, background) {
  view = { state: "empty", spec, background };
  draw();
}

/** The beginning of the work on an order {spec, background}. */
export function showWorking(order) {
  view = { state: "working", spec: order.spec, background: order.background, step: { state: "sending", sent: 0 } };
  draw();
  announce(t("state.running"));
}

/** The photo is about to be replaced by another of the same picture, and stays until then. */
export function showRenewing() {
  setRenewing(true);
  announce(t("photo.renewing"));
}

function setRenewing(on) {
  $("photo").classList.toggle("renewing", on);
  $("photo").setAttribute("aria-busy", String(on || view.state === "working"));
}

/** One step of the work: a task's status, or {state: "sending", sent: 0..1}. */
export function showStep(step) {
  if (view.state !== "working") {
    return;
  }
  if (step.state === "retrying" && view.step.state !== "retrying") {
    announce(t("state.retrying"));
  }
  view.step = step;
  drawStep();
}

/** The finished photo {id, spec, background, parts, blob, url, report}. */
export function showPhoto(made) {
  view = { state: "done", spec: made.spec, background: made.background, made };
  draw();
}

/** A photo that is made, and that somebody looks at before it is handed out. */
export function showHeld(order, id) {
  view = { state: "held", spec: order.spec, background: order.background, id };
  draw();
  announce(t("photo.held"));
}

/** The photo that is shown, or undefined. */
export function shownPhoto() {
  return view.made;
}

/** Why there is no photo. A task's id is there when its picture can still be erased. */
export function showFailure(order, problem, id) {
  view = { state: "failed", spec: order.spec, background: order.background, problem, id };
  draw();
}

/** The task whose pictures "erase" means now, or undefined. */
export function shownTask() {
  return view.made?.id ?? view.id;
}

function draw() {
  const { spec, background, state } = view;
  $("photo").dataset.state = state;
  setRenewing(false);
  $("photo-of").textContent =
    spec && state !== "empty" ? t("photo.of", { document: documentName(spec), background: backgroundName(background) }) : "";
  if (spec) {
    drawFrame(spec, background);
  }
  if (state !== "done") {
    closeChecks();
  }
  $("result").hidden = state !== "done" || !view.made.url;
  $("failure").hidden = state !== "failed";
  $("held").hidden = state !== "held";
  $("make-shown").hidden = state !== "done" || !view.made.url;
  $("erase").parentElement.hidden = !shownTask();
  ({ empty() {}, working: drawStep, done: drawPhoto, held() {}, failed: drawFailure })[state]();
}

function drawFrame(spec, background) {
  const frame = $("frame");
  frame.style.setProperty("--ratio", spec.width_px / spec.height_px);
  paint(frame, background);
  $("across").textContent = t("millimetres", { n: number(spec.width_mm, 1) });
  $("down").textContent = t("millimetres", { n: number(spec.height_mm, 1) });
}

function drawStep() {
  const { state, stage, sent } = view.step;
  let text = knows(`state.${state}`) ? `state.${state}` : "state.running";
  if (state === "running" && knows(`stage.${stage}`)) {
    text = `stage.${stage}`;
  }
  const percent = Math.round((sent ?? 0) * 100);
  $("progress-text").textContent = t(text, { percent });
  const done = fractionDone(state, stage, sent);
  if (done !== null) {
    $("progress").setAttribute("aria-valuenow", String(Math.round(done * 100)));
    $("progress").style.setProperty("--done", done * 100);
  }
}

/** How far the work is; null when this step does not tell. */
function fractionDone(state, stage, sent) {
  if (state === "sending") {
    return 0.2 * sent;
  }
  if (state === "queued") {
    return 0.2;
  }
  const i = stages.indexOf(stage);
  if (state === "running" && i >= 0) {
    return 0.25 + (0.7 * i) / (stages.length - 1);
  }
  return state === "succeeded" ? 1 : null;
}

function drawPhoto() {
  const { id, spec, blob, url, parts, report } = view.made;
  if (url) {
    $("result").src = url;
    $("make-shown").src = url;
  }
  $("photo-facts").textContent = blob
    ? t("photo.facts", { px: spec.width_px, py: spec.height_px, dpi: spec.dpi, size: fileSize(blob.size) })
    : t("photo.unreadable");
  $("photo-kind").textContent = view.background === "transparent" ? "PNG" : "JPEG";
  for (const part of ["photo", "hd", "cutout", "report"]) {
    $(`download-${part}`).href = resultPath(id, part);
    $(`download-${part}`).hidden = !parts.includes(part);
  }
  setPrintable(view.made);
  showChecks(report);
}

function drawFailure() {
  const { problem } = view;
  const { text, advice } = wording(problem);
  $("failure-text").textContent = text;
  $("failure-advice").textContent = advice ?? "";
  $("failure-code").textContent = t("failure.code", { code: problem.code });
  $("failure-code").hidden = problem.code === "cancelled";
  const ours = problem.passing || problem.code === "cancelled";
  $("failure-choose").hidden = ours;
  $("failure-again").hidden = !ours;
}

/** Keeps the pane in the page's language. */
export function startPhoto() {
  startChecks();
  startPrint();
  onLanguage(draw);
}
