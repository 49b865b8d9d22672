// The page's two languages. Static texts carry data-t (and data-t-label, -alt, -placeholder) in the
// HTML; whatever is written by script asks t() and writes itself again after a switch.

import strings from "./strings.js";

const attributes = { tLabel: "aria-label", tAlt: "alt", tPlaceholder: "placeholder" };
const listeners = [];
let current = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** The language of the page, "en" or "zh"; requests carry it as Accept-Language. */
export function language() {
  return current;
}

/** The sentence of a key, with {name} replaced by values.name. */
export function t(key, values = {}) {
  const sentence = strings[current][key];
  if (sentence === undefined) {
    throw new Error(`no text for ${key}`);
  }
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Whether the table has a key: stages and codes may be newer than this page. */
export function knows(key) {
  return strings[current][key] !== undefined;
}

/** A number as the page's language writes it, with at most so many decimals. */
export function number(value, decimals = 0) {
  return value.toLocaleString(current, { maximumFractionDigits: decimals });
}

/** A size in bytes, in words. */
export function fileSize(bytes) {
  return bytes < 1 << 20
    ? t("kilobytes", { n: number(Math.max(1, Math.round(bytes / 1024))) })
    : t("megabytes", { n: number(bytes / (1 << 20), 1) });
}

/** Calls f after each switch of language. */
export function onLanguage(f) {
  listeners.push(f);
}

function write() {
  document.documentElement.lang = current === "zh" ? "zh-Hans" : "en";
  for (const el of document.querySelectorAll("[data-t]")) {
    el.textContent = t(el.dataset.t);
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    const selector = `[data-${name.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase())}]`;
    for (const el of document.querySelectorAll(selector)) {
      el.setAttribute(attribute, t(el.dataset[name]));
    }
  }
}

function mark(buttons) {
  for (const b of buttons) {
    b.setAttribute("aria-pressed", String(b.dataset.lang === current));
  }
}

/** Makes the language buttons work and shows which language is on. */
export function startLanguageSwitch() {
  const buttons = document.querySelectorAll("button[data-lang]");
  mark(buttons);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      current = button.dataset.lang;
      document.cookie = `lang=${current}; Path=/; Max-Age=31536000; SameSite=Strict`;
      mark(buttons);
      write();
      for (const f of listeners) {
        f();
      }
    });
  }
}
