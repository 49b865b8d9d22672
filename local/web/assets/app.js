// The workshop: a picture, a document, a background and wishes become one task after the other. The
// second photo of a picture is made of what the first one left at the service: nothing is sent again.

import * as api from "./api.js";
import { eraseGroups, startGroup } from "./group.js";
import { addPhoto, allTasks, forget, latestPhoto, markShown, noteTask, startHistory } from "./history.js";
import { onLanguage, startLanguageSwitch, t } from "./i18n.js";
import { $, announce, confirmErase, wording } from "./page.js";
import {
  photoState, showFailure, showHeld, showOutline, showPhoto, showRenewing, showStep, showWorking, shownPhoto, shownTask, startPhoto,
} from "./photo.js";
import { askForPicture, picture, setLimit, showPicture, startPicture } from "./picture.js";
import { chosenBackground, chosenDocument, setSettings, settingsComplete, startSettings } from "./settings.js";
import { watch, watchHeld } from "./watch.js";
import { canFollow, chosenWishes, drawWishes, setWishes, startWishes, wishesComplete, wishFields } from "./wishes.js";

const settle = 100; // ms: a change that is followed by the next one at once makes no photo
const patience = 1500; // ms before a photo that is renewed gives way to the progress of the work

// The order being worked on or last failed: {picture, spec, background, wishes, key, from, id, stop,
// problem}; from is an earlier photo of the picture.
let order = null;
let soon = 0; // timer of the photo that follows a change

function newKey() {
  // randomUUID is missing on plain-http pages of a local network.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}

async function make(event) {
  event?.preventDefault();
  if (order && !order.problem) {
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
  if (!settingsComplete() || !wishesComplete()) {
    return;
  }
  if (inOneColumn() && shownIsAsChosen()) {
    goTo("photo");
  } else {
    await run(newOrder());
  }
}

function newOrder() {
  const next = { picture: picture(), spec: chosenDocument(), background: chosenBackground(), wishes: chosenWishes(), key: newKey() };
  next.from = latestPhoto((p) => p.picture === next.picture && !p.gone && canFollow(p.wishes, next.wishes));
  return next;
}

/** Whether the photo that is shown is the one that the settings would make. */
function shownIsAsChosen() {
  const told = ({ picture: { url }, spec: { id }, background, wishes }) => JSON.stringify([url, id, background, wishes]);
  const made = shownPhoto();
  return Boolean(made && picture()) && told(made) === told(newOrder());
}

/** Carries one order from the upload to the photo or the reason against it. */
async function run(next) {
  supersede();
  order = next;
  Object.assign(next, { stop: new AbortController(), problem: null, id: undefined });
  const { signal } = next.stop;
  const mine = () => order === next; // a new picture or a new wish may have taken the page's place
  begin(next);
  const slow = setTimeout(() => mine() && photoState() === "done" && showWorking(next), patience);
  try {
    next.id = (await handIn(next, signal)).task_id;
    noteTask(next.id);
    if (!mine()) {
      await api.cancel(next.id);
      return;
    }
    const task = await watch(next.id, (step) => mine() && showStep(step), signal);
    if (task.held && mine()) {
      await hold(next);
      return;
    }
    const made = await outcome(next, task);
    if (mine()) {
      finish(made);
    }
  } catch (err) {
    if (mine()) {
      fail(next, err);
    }
  } finally {
    clearTimeout(slow);
  }
}

/** The page's look at the start of an order: a photo that is renewed stays. */
function begin(next) {
  setBusy(true);
  if (next.from && photoState() === "done") {
    showRenewing();
    return;
  }
  showWorking(next);
  markShown(null);
  goTo("photo");
}

function fieldsOf({ spec, background, wishes }) {
  return { size: spec.id, background, ...wishFields(wishes) };
}

/** Asks for another photo of what the service has, and sends the picture where it has none. */
async function handIn(next, signal) {
  const fields = fieldsOf(next);
  if (next.from) {
    try {
      return await api.render(next.from.id, fields, signal);
    } catch (err) {
      if (![404, 409, 410].includes(err.status)) {
        throw err;
      }
      next.from.gone = true;
    }
    if (order === next) {
      showWorking(next);
    }
  }
  return api.generate({ file: next.picture.file, fields, key: next.key }, (sent) => order === next && showStep({ state: "sending", sent }), signal);
}

/** Lets go of an order that another one replaces. */
function supersede() {
  clearTimeout(soon);
  if (order?.id && !order.problem) {
    api.cancel(order.id).catch(() => {}); // already over, or out of reach: its photo is just not shown
  } else if (order && !order.from) {
    order.stop?.abort();
  }
  order = null;
}

/** A photo that somebody looks at first: the page goes on, and shows it once it is released. */
async function hold(next) {
  order = null;
  setBusy(false);
  showHeld(next, next.id);
  moveFocus("held-title");
  const waiting = () => photoState() === "held" && shownTask() === next.id;
  try {
    const made = await outcome(next, await watchHeld(next.id));
    if (waiting()) {
      finish(made);
    } else {
      addPhoto(made);
    }
  } catch (err) {
    if (waiting()) {
      order = next;
      fail(next, err);
    }
  }
}

/** The photo of a task that succeeded; anything else is thrown as a Problem. */
async function outcome({ id, spec, background, wishes, picture }, task) {
  if (task.state !== "succeeded") {
    const problem = task.error ? api.Problem.from(task.error) : new api.Problem(task.state === "cancelled" ? "cancelled" : "failed");
    problem.status = task.state === "rejected" ? 422 : 500;
    throw problem;
  }
  const made = { id, spec, background, wishes, picture, at: new Date(), parts: task.parts ?? ["photo", "cutout", "report"] };
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
  markShown(made.id);
  announce(t("photo.ready"));
  if (!order?.from) {
    moveFocus("download-photo");
  }
  order = null;
  renewSoon(); // what was changed meanwhile
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

function inOneColumn() {
  return matchMedia("(max-width: 680px)").matches;
}

/** Brings a pane into sight where the panes stand in one column. */
function goTo(id) {
  if (inOneColumn()) {
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
  supersede();
  setBusy(false);
  markShown(null);
  showOutline(chosenDocument(), chosenBackground());
}

function settingsChanged() {
  drawWishes();
  const again = picture() && latestPhoto((p) => p.picture === picture());
  if (again && ["done", "failed"].includes(photoState())) {
    renewSoon();
  } else if (["empty", "failed"].includes(photoState())) {
    showOutline(chosenDocument(), chosenBackground());
  } else if (order?.from) {
    renewSoon(); // the photo of the settings before is not wanted any more
  }
}

/** Makes the photo that the settings ask for now, unless it is the one that is shown. */
function renewSoon() {
  clearTimeout(soon);
  soon = setTimeout(() => {
    if (!shownIsAsChosen()) {
      run(newOrder());
    } else if (order?.from) {
      supersede(); // changed, and changed back
      setBusy(false);
      showPhoto(shownPhoto());
    }
  }, settle);
}

function showAgain(made) {
  leaveOrder();
  showPicture(made.picture);
  setSettings(made.spec.id, made.background);
  setWishes(made.wishes);
  showPhoto(made);
  markShown(made.id);
}

async function eraseTasks(ids, alsoErase = () => {}) {
  $("erase-warning").textContent = "";
  try {
    for (const id of ids) {
      await api.erase(id);
      forget(id);
    }
    await alsoErase();
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
  if ((await confirmErase("history.erase_all.title", "history.erase_all.text")) && (await eraseTasks(allTasks(), eraseGroups))) {
    leaveOrder();
    URL.revokeObjectURL(picture()?.url);
    showPicture(null);
    $("file").focus();
  }
}

/** A refusal speaks the language it was asked in: ask again after a switch. */
async function askAgainInNewLanguage() {
  const failed = order;
  if (photoState() !== "failed" || !failed?.problem || failed.problem.passing) {
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
startWishes(settingsChanged);
startGroup(() => (chosenDocument() && settingsComplete() && wishesComplete() ? fieldsOf(newOrder()) : null));
await startSettings(settingsChanged);
