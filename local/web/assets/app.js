// The workshop: a picture, a document and a background become one task after the other.

import * as api from "./api.js";
import { addPhoto, allTasks, forget, markShown, noteTask, startHistory } from "./history.js";
import { onLanguage, startLanguageSwitch, t } from "./i18n.js";
import { $, announce, confirmErase, wording } from "./page.js";
import { photoState, showFailure, showOutline, showPhoto, showStep, showWorking, shownTask, startPhoto } from "./photo.js";
import { askForPicture, picture, setLimit, showPicture, startPicture } from "./picture.js";
import { chosenBackground, chosenDocument, setSettings, settingsComplete, startSettings } from "./settings.js";
import { watch } from "./watch.js";

// The order being worked on or last failed: {picture, spec, background, key, id, stop, problem}.
let order = null;

function newKey() {
  // randomUUID is missing on plain-http pages of a local network.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

async function make(event) {
  event?.preventDefault();
  if (photoState() === "working") {
    return;
  }
  if (!picture()) {
    askForPicture();
    return;
  }
  if (!chosenDocument()) {
    announce(t("document.needed"));
    $("documents-again").focus();
    return;
  }
  if (settingsComplete()) {
    await run({ picture: picture(), spec: chosenDocument(), background: chosenBackground(), key: newKey() });
  }
}

/** Carries one order from the upload to the photo or the reason against it. */
async function run(next) {
  order = next;
  order.stop = new AbortController();
  const { signal } = order.stop;
  const mine = () => order === next; // a new picture may have taken the page's place
  showWorking(next);
  markShown(null);
  setBusy(true);
  goTo("photo");
  try {
    const accepted = await api.generate(request(next), (sent) => showStep({ state: "sending", sent }), signal);
    next.id = accepted.task_id;
    noteTask(next.id);
    const task = await watch(next.id, (step) => mine() && showStep(step), signal);
    const made = await outcome(next, task);
    if (mine()) {
      finish(made);
    }
  } catch (err) {
    if (mine()) {
      fail(next, err);
    }
  }
}

function request({ picture, spec, background, key }) {
  return { file: picture.file, size: spec.id, background, key };
}

/** The photo of a task that succeeded; anything else is thrown as a Problem. */
async function outcome({ id, spec, background, picture }, task) {
  if (task.state !== "succeeded") {
    const problem = task.error ? api.Problem.from(task.error) : new api.Problem(task.state === "cancelled" ? "cancelled" : "failed");
    problem.status = task.state === "rejected" ? 422 : 500;
    throw problem;
  }
  const made = { id, spec, background, picture, at: new Date(), parts: task.parts ?? ["photo", "cutout", "report"] };
  try {
    [made.blob, made.report] = await Promise.all([api.photo(id), api.report(id)]);
    made.url = URL.createObjectURL(made.blob);
  } catch (err) {
    if (err.code !== "offline") {
      throw err;
    }
  }
  return made;
}

function finish(made) {
  setBusy(false);
  showPhoto(made);
  addPhoto(made);
  announce(t("photo.ready"));
  moveFocus("download-photo");
  order = null;
}

function fail(failed, err) {
  const problem = err instanceof api.Problem ? err : new api.Problem("unexpected");
  if (!(err instanceof api.Problem)) {
    console.error(err);
  }
  if (problem.code === "too_large" && problem.limit > 0) {
    setLimit(problem.limit);
  }
  setBusy(false);
  failed.problem = problem;
  showFailure(failed, problem, failed.id);
  if (!moveFocus("failure-text")) {
    announce(wording(problem).text);
  }
}

function setBusy(busy) {
  $("make").setAttribute("aria-disabled", String(busy));
}

/** Moves the focus on, unless the reader has gone elsewhere meanwhile; reports whether it did. */
function moveFocus(id) {
  const at = document.activeElement;
  const free = !at || at === document.body || at.closest(".make, #photo") !== null;
  if (free) {
    $(id).focus({ preventScroll: true });
  }
  return free;
}

/** Brings a pane into sight where the panes stand in one column. */
function goTo(id) {
  if (matchMedia("(max-width: 680px)").matches) {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    $(id).scrollIntoView({ behavior: still ? "instant" : "smooth" });
  }
}

/** Stops the order; the service is told when it has the picture already. */
async function cancel() {
  const stopped = order;
  if (!stopped?.id) {
    stopped?.stop.abort();
    return;
  }
  showStep({ state: "cancelling" });
  try {
    await api.cancel(stopped.id);
  } catch {
    // Already over, or out of reach: following the task tells which.
  }
}

/** The page turns to another picture: what was under way for the last one is of no use. */
function leaveOrder() {
  if (photoState() === "working") {
    cancel();
  }
  order = null;
  setBusy(false);
  markShown(null);
  showOutline(chosenDocument(), chosenBackground());
}

function settingsChanged() {
  if (photoState() === "empty" || photoState() === "failed") {
    showOutline(chosenDocument(), chosenBackground());
  }
}

function showAgain(made) {
  leaveOrder();
  showPicture(made.picture);
  setSettings(made.spec.id, made.background);
  showPhoto(made);
  markShown(made.id);
}

async function eraseTasks(ids) {
  $("erase-warning").textContent = "";
  try {
    for (const id of ids) {
      await api.erase(id);
      forget(id);
    }
  } catch (err) {
    $("erase-warning").textContent = t("erase.failed", { reason: wording(err).text });
    return false;
  }
  announce(t("erase.done"));
  return true;
}

async function eraseShown() {
  if ((await confirmErase("erase.title", "erase.text")) && (await eraseTasks([shownTask()]))) {
    leaveOrder();
    $("make").focus();
  }
}

async function eraseAll() {
  if ((await confirmErase("history.erase_all.title", "history.erase_all.text")) && (await eraseTasks(allTasks()))) {
    leaveOrder();
    URL.revokeObjectURL(picture()?.url);
    showPicture(null);
    $("file").focus();
  }
}

/** A refusal speaks the language it was asked in: ask again after a switch. */
async function askAgainInNewLanguage() {
  const failed = order;
  if (photoState() !== "failed" || !failed || failed.problem.passing) {
    return;
  }
  try {
    if (failed.id) {
      await outcome(failed, await api.status(failed.id));
    } else {
      await run(failed);
    }
  } catch (err) {
    if (order === failed && err instanceof api.Problem) {
      showFailure(failed, err, failed.id);
    }
  }
}

startLanguageSwitch();
startPicture(leaveOrder);
startPhoto();
startHistory(showAgain);
onLanguage(askAgainInNewLanguage);
$("settings").addEventListener("submit", make);
$("cancel").addEventListener("click", cancel);
$("failure-again").addEventListener("click", () => (order && !order.id ? run(order) : make()));
$("erase").addEventListener("click", eraseShown);
$("erase-all").addEventListener("click", eraseAll);
await startSettings(settingsChanged);
