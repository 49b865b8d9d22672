// The form: which document, which background.

import { documents } from "./api.js";
import { choiceOf, choices, colourOf, paint, parseColour } from "./backgrounds.js";
import { knows, language, number, onLanguage, t } from "./i18n.js";
import { $, element, memory } from "./page.js";

const filterFrom = 9; // a longer list gets a search field
let specs = [];
let size = memory.read("size");
let background = memory.read("background") ?? "";
let onChange = () => {};

/** The document's record, or null while none is known. */
export function chosenDocument() {
  return specs.find((s) => s.id === size) ?? null;
}

/** The background as the service is sent it. */
export function chosenBackground() {
  return background;
}

/** Who says what may be edited on a photo of the document, and where. */
export function editingSource() {
  const { editing, authority } = chosenDocument();
  return t("editing.source", { source: editing.source, authority: authority[language()] });
}

function keepsBackground() {
  return chosenDocument()?.editing.policy === "crop_only";
}

/** A document's name without the measures that stand beside it anyway. */
export function documentName(spec) {
  const name = spec.names[language()] ?? spec.names.en;
  return name.replace(/\s*\d+\s*[x×]\s*\d+\s*(mm|毫米)\s*/, " ").replace(/ （/, "（").trim();
}

/** A background in words. */
export function backgroundName(background) {
  const key = `background.${background}`;
  return knows(key) ? t(key) : background;
}

/** Puts the form back to a photo made earlier. */
export function setSettings(specID, value) {
  size = specID;
  background = value;
  draw();
}

/** Whether the colour field can be used as it is; says so and goes there when not. */
export function settingsComplete() {
  if (choiceOf(background) === "custom" && !parseColour($("custom-hex").value)) {
    $("background-name").textContent = t("background.hex_needed");
    $("custom-hex").focus();
    return false;
  }
  return true;
}

function documentCard(spec) {
  const radio = element("input");
  radio.type = "radio";
  radio.name = "size";
  radio.value = spec.id;
  radio.checked = spec.id === size;
  const shape = element("span", "shape");
  shape.style.setProperty("--w", spec.width_mm);
  shape.style.setProperty("--h", spec.height_mm);
  const measures = t("document.size", {
    w: number(spec.width_mm, 1), h: number(spec.height_mm, 1), px: spec.width_px, py: spec.height_px,
  });
  const words = element("span", "", "", element("b", "", documentName(spec)), element("small", "", measures));
  const card = element("label", "document", "", radio, shape, words, tick());
  card.title = spec.note?.[language()] ?? "";
  return card;
}

function tick() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "tick");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg.namespaceURI, "path");
  path.setAttribute("d", "M4 10.5 8.2 14.5 16 6");
  svg.append(path);
  return svg;
}

function matches(spec, words) {
  const text = [spec.id, ...Object.values(spec.names), ...(spec.aliases ?? [])].join(" ").toLowerCase();
  return words.every((w) => text.includes(w));
}

function drawDocuments() {
  const words = $("document-filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const cards = specs.filter((s) => matches(s, words)).map(documentCard);
  if (cards.length === 0 && specs.length > 0) {
    cards.push(element("p", "quiet", t("document.none")));
  }
  $("documents").replaceChildren(...cards);
}

function drawBackgrounds() {
  const choice = choiceOf(background);
  $("backgrounds").replaceChildren(...choices.map((id) => {
    const radio = element("input");
    radio.type = "radio";
    radio.name = "background";
    radio.value = id;
    radio.checked = id === choice;
    radio.disabled = keepsBackground() && id !== "original";
    radio.setAttribute("aria-label", t(`background.${id}`));
    const dot = element("span", "dot");
    paint(dot, id);
    const swatch = element("label", "swatch", "", radio, dot);
    if (colourOf(id)) {
      swatch.title = t(`background.${id}`);
    } else {
      swatch.classList.add("worded");
      swatch.append(t(`background.${id}.short`));
    }
    return swatch;
  }));
  drawBackgroundName();
}

function drawBackgroundName() {
  const choice = choiceOf(background);
  const name = backgroundName(choice);
  const usual = chosenDocument()?.background === background && !keepsBackground();
  $("background-name").textContent = usual ? t("background.usual", { name }) : name;
  $("background-fixed").textContent = keepsBackground() ? `${t("background.fixed")} ${editingSource()}` : "";
  $("background-name").parentElement.hidden = keepsBackground();
  $("custom").hidden = choice !== "custom";
}

function draw() {
  drawDocuments();
  drawBackgrounds();
}

function chooseDocument(id) {
  size = id;
  background = chosenDocument().background || background;
  memory.write("size", size);
  memory.write("background", background);
  drawBackgrounds();
  onChange();
}

function chooseBackground(choice) {
  background = choice === "custom" ? parseColour($("custom-hex").value) ?? "#438EDB" : choice;
  memory.write("background", background);
  drawBackgroundName();
  onChange();
}

function startCustomColour() {
  const picker = $("custom-picker");
  const hex = $("custom-hex");
  if (choiceOf(background) === "custom") {
    hex.value = background;
    picker.value = background.toLowerCase();
  }
  picker.addEventListener("input", () => {
    hex.value = picker.value.toUpperCase();
    hex.setAttribute("aria-invalid", "false");
    chooseBackground("custom");
  });
  hex.addEventListener("input", () => {
    const colour = parseColour(hex.value);
    hex.setAttribute("aria-invalid", String(!colour));
    if (colour) {
      picker.value = colour.toLowerCase();
      chooseBackground("custom");
    }
  });
}

async function load() {
  $("documents-warning").hidden = true;
  try {
    specs = await documents();
  } catch {
    $("documents-warning").hidden = false;
    return;
  }
  if (!chosenDocument()) {
    size = specs.find((s) => s.id === "1-inch")?.id ?? specs[0].id;
    background = chosenDocument().background;
  }
  if (!choices.includes(choiceOf(background)) || background === "custom" || keepsBackground()) {
    background = chosenDocument().background;
  }
  document.querySelector(".filter").hidden = specs.length < filterFrom;
  draw();
  onChange();
}

/** Fills the form from the catalogue; calls f after each change of choice. */
export function startSettings(f) {
  onChange = f;
  startCustomColour();
  $("documents").addEventListener("change", (e) => chooseDocument(e.target.value));
  $("backgrounds").addEventListener("change", (e) => chooseBackground(e.target.value));
  $("document-filter").addEventListener("input", drawDocuments);
  $("document-filter").addEventListener("keydown", (e) => {
    if (e.key === "Enter") {
      e.preventDefault(); // it would make the photo
    }
  });
  $("documents-again").addEventListener("click", load);
  onLanguage(draw);
  return load();
}
