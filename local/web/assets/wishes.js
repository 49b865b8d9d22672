// What can be asked for beside document and background: touch-up, where the document allows it, the
// file's size and a large photo. All of it is off until somebody asks, and lasts as long as the page.

import { number, onLanguage, t } from "./i18n.js";
import { $, element } from "./page.js";
import { chosenDocument, editingSource } from "./settings.js";

// The service's names (pipeline/touchup); a test compares them.
const strengths = ["light", "skin", "spots", "whitening", "brightness", "contrast", "saturation", "sharpening"];
const nothing = { ...Object.fromEntries(strengths.map((s) => [s, 0])), mirror: false, hd: false, min: "", max: "" };

let wanted = { ...nothing };

/** What is asked for, as setWishes takes it. Touch-up that the document forbids is none. */
export function chosenWishes() {
  return touchAllowed() ? { ...wanted } : { ...wanted, ...untouched() };
}

/** Wishes as fields of the service's forms. */
export function wishFields({ min, max, ...plain }) {
  const fields = Object.fromEntries(Object.entries(plain).map(([name, value]) => [name, String(value)]));
  return min || max ? { ...fields, size_kb: min ? `${min}-${max}` : max } : fields;
}

/** Whether another photo of one with these wishes can have those: a file size cannot be taken back. */
export function canFollow(before, next) {
  return !(before.min || before.max) || Boolean(next.min || next.max);
}

/** Puts the form back to a photo made earlier. */
export function setWishes(wishes) {
  wanted = { ...wishes };
  drawWishes();
}

/** Whether the file size can be used as it is; says so and goes there when not. */
export function wishesComplete() {
  const wrong = !sizeIsRange();
  if (wrong) {
    $("file-wishes").open = true;
    $("kb-max").focus();
  }
  return !wrong;
}

function untouched() {
  return { ...Object.fromEntries(strengths.map((s) => [s, 0])), mirror: false };
}

function touchAllowed() {
  return chosenDocument()?.editing.policy === "free";
}

function sizeIsRange() {
  const [min, max] = [$("kb-min"), $("kb-max")];
  const ordered = min.value === "" || max.value === "" || Number(min.value) <= Number(max.value);
  return min.validity.valid && max.validity.valid && ordered;
}

function slider(name) {
  const input = element("input");
  Object.assign(input, { type: "range", id: `touch-${name}`, name, min: 0, max: 100, step: 5 });
  return element("label", "", "", element("span", "", t(`touch.${name}`)), element("span", "strength"), input);
}

function drawTouch() {
  const allowed = touchAllowed();
  const policy = chosenDocument()?.editing.policy;
  const used = strengths.filter((s) => wanted[s] > 0).length + (wanted.mirror ? 1 : 0);
  $("touch-forbidden").hidden = allowed;
  $("touch-forbidden").textContent = allowed || !policy ? "" : `${t(`touch.forbidden.${policy}`)} ${editingSource()}`;
  $("touch-fields").hidden = !allowed;
  if (!allowed) {
    $("touch-state").textContent = t("touch.barred");
  } else {
    $("touch-state").textContent = used ? t("touch.on", { n: number(used) }) : t("touch.off");
  }
  $("touch-reset").hidden = used === 0;
  for (const name of strengths) {
    const input = $(`touch-${name}`);
    input.previousElementSibling.previousElementSibling.textContent = t(`touch.${name}`);
    input.setAttribute("aria-label", t(`touch.${name}`));
    input.value = wanted[name];
    drawStrength(input);
  }
  $("touch-mirror").checked = wanted.mirror;
}

function drawStrength(input) {
  input.previousElementSibling.textContent = input.value === "0" ? t("touch.off") : number(Number(input.value));
  input.style.setProperty("--share", `${input.value}%`);
}

/** A range of kilobytes in words; "" for none. */
function rangeInWords(min, max) {
  if (min && max) {
    return t("file.range", { min: number(min), max: number(max) });
  }
  return min ? t("file.from", { min: number(min) }) : max ? t("file.to", { max: number(max) }) : "";
}

function drawFile() {
  const { min_kb: min, max_kb: max } = chosenDocument()?.file ?? {};
  const usual = rangeInWords(min, max);
  $("kb-usual").textContent = usual ? t("file.usual", { range: usual }) : t("file.none");
  $("kb-min").value = wanted.min;
  $("kb-max").value = wanted.max;
  $("hd").checked = wanted.hd;
  drawFileState();
}

function drawFileState() {
  const wrong = !sizeIsRange();
  $("kb-warning").textContent = wrong ? t("file.wrong") : "";
  for (const id of ["kb-min", "kb-max"]) {
    $(id).setAttribute("aria-invalid", String(wrong));
  }
  const own = rangeInWords(Number(wanted.min), Number(wanted.max));
  $("file-state").textContent = [own, wanted.hd ? "HD" : ""].filter(Boolean).join(" · ") || t("file.free");
}

/** Writes the sections again: another document allows other things. */
export function drawWishes() {
  drawTouch();
  drawFile();
}

/** Fills the sections; calls f after each change. */
export function startWishes(f) {
  $("touch-sliders").replaceChildren(...strengths.map(slider));
  $("touch-fields").addEventListener("input", (e) => e.target.type === "range" && drawStrength(e.target));
  $("touch-fields").addEventListener("change", (e) => {
    const { name, type, value, checked } = e.target;
    wanted[name] = type === "range" ? Number(value) : checked;
    drawTouch();
    f();
  });
  $("touch-reset").addEventListener("click", () => {
    wanted = { ...wanted, ...untouched() };
    drawTouch();
    $("touch").querySelector("summary").focus();
    f();
  });
  $("file-wishes").addEventListener("change", () => {
    wanted.hd = $("hd").checked;
    if (sizeIsRange()) {
      [wanted.min, wanted.max] = [$("kb-min").value, $("kb-max").value];
    }
    drawFileState();
    if (sizeIsRange()) {
      f();
    }
  });
  onLanguage(drawWishes);
  drawWishes();
}
