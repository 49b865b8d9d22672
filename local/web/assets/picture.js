// The left pane: choosing a picture by button, camera, drop or paste, and showing it.

import { number, onLanguage, t } from "./i18n.js";
import { $, announce } from "./page.js";

const megabyte = 1 << 20;
let limit = 20 * megabyte; // the service's default; its own answer corrects it
let chosen = null;
let onChosen = () => {};
let warning = () => "";

/** The picture to work on: {file, url}, or null. */
export function picture() {
  return chosen;
}

/** Notes the limit in bytes that the service named. */
export function setLimit(bytes) {
  limit = bytes;
  writeTexts();
}

/** Says that there is nothing to work on yet, and puts the focus where that can be changed. */
export function askForPicture() {
  warn(() => t("picture.needed"));
  $("file").focus();
}

/** Shows a picture again that was chosen before, or none. */
export function showPicture(picture) {
  chosen = picture;
  warn(() => "");
  $("picture").dataset.state = picture ? "chosen" : "empty";
  const img = $("preview");
  img.hidden = true;
  document.querySelector(".no-preview").hidden = true;
  if (picture) {
    img.hidden = false;
    img.src = picture.url;
  } else {
    img.removeAttribute("src");
  }
}

function take(file) {
  if (!file) {
    return;
  }
  if (file.size > limit) {
    warn(() => t("picture.too_large", { mb: number(file.size / megabyte, 1), limit: number(limit / megabyte, 1) }));
    return;
  }
  if (file.size === 0) {
    warn(() => t("picture.empty"));
    return;
  }
  showPicture({ file, url: URL.createObjectURL(file) });
  announce(t("picture.chosen"));
  onChosen(chosen);
}

function warn(text) {
  warning = text;
  writeTexts();
}

function writeTexts() {
  $("picture-limits").textContent = t("picture.hint", { mb: number(limit / megabyte, 1) });
  $("picture-warning").textContent = warning();
}

function takeFromInput(event) {
  const [file] = event.target.files;
  take(file);
  event.target.value = ""; // so that the same file can be chosen again
}

function startDrop() {
  const carriesFile = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0; // enter and leave come for every element on the way
  const show = (by) => {
    depth = by === 0 ? 0 : Math.max(0, depth + by);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", (e) => carriesFile(e) && show(1));
  addEventListener("dragleave", (e) => carriesFile(e) && show(-1));
  addEventListener("dragover", (e) => carriesFile(e) && e.preventDefault());
  addEventListener("drop", (e) => {
    if (carriesFile(e)) {
      e.preventDefault();
      show(0);
      take(e.dataTransfer.files[0]);
    }
  });
}

/** Makes the pane work; calls f with each picture that is newly chosen. */
export function startPicture(f) {
  onChosen = f;
  $("file").addEventListener("change", takeFromInput);
  $("camera").addEventListener("change", takeFromInput);
  addEventListener("paste", (e) => take(e.clipboardData?.files[0]));
  startDrop();
  $("preview").addEventListener("error", () => {
    if (chosen) {
      $("preview").hidden = true;
      document.querySelector(".no-preview").hidden = false;
    }
  });
  onLanguage(writeTexts);
}
