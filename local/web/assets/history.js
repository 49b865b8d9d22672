// The photos of this session, in this tab's memory only.

import { language, onLanguage, t } from "./i18n.js";
import { $, element } from "./page.js";
import { backgroundName, documentName } from "./settings.js";

const photos = []; // newest first: {id, spec, background, wishes, picture, parts, blob, url, report, at}
const tasks = new Set(); // every task whose pictures the service may still hold
let current = null;
let onShow = () => {};

/** Notes a task as soon as the service has its picture. */
export function noteTask(id) {
  tasks.add(id);
  draw();
}

/** Adds a finished photo. */
export function addPhoto(made) {
  photos.unshift(made);
  draw();
}

/** The newest photo that passes the test. */
export function latestPhoto(test) {
  return photos.find(test);
}

/** Marks which photo is shown; null for none. */
export function markShown(id) {
  current = id;
  draw();
}

/** All tasks of the session. */
export function allTasks() {
  return [...tasks];
}

/** Forgets an erased task and lets go of its photo. */
export function forget(id) {
  tasks.delete(id);
  const i = photos.findIndex((p) => p.id === id);
  if (i >= 0) {
    const [gone] = photos.splice(i, 1);
    URL.revokeObjectURL(gone.url);
  }
  draw();
}

function thumbnail(made) {
  const img = element("img");
  img.src = made.url;
  img.alt = "";
  img.width = Math.round((96 * made.spec.width_px) / made.spec.height_px);
  img.height = 96;
  const button = element("button", "", "", img);
  button.type = "button";
  const name = t("history.show", {
    document: documentName(made.spec),
    background: backgroundName(made.background),
    time: made.at.toLocaleTimeString(language(), { hour: "2-digit", minute: "2-digit" }),
  });
  button.setAttribute("aria-label", name);
  button.title = name;
  button.setAttribute("aria-current", String(made.id === current));
  button.addEventListener("click", () => onShow(made));
  return element("li", "", "", button);
}

function draw() {
  const focused = document.activeElement?.closest("#history-list li");
  const index = focused ? [...$("history-list").children].indexOf(focused) : -1;
  $("history").dataset.state = photos.length ? "some" : "empty";
  $("erase-all").hidden = tasks.size === 0;
  $("history-list").replaceChildren(...photos.filter((p) => p.url).map(thumbnail));
  $("history-list").children[index]?.querySelector("button").focus();
}

/** Makes the list work; calls f with the photo to show again. */
export function startHistory(f) {
  onShow = f;
  onLanguage(draw);
  draw();
}
