// Small things that several parts of the page need.

import { t } from "./i18n.js";

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/** A new element: its class, its text, then its children. */
export function element(tag, className = "", text = "", ...children) {
  const el = document.createElement(tag);
  el.className = className;
  el.textContent = text;
  el.append(...children);
  return el;
}

/** Tells screen readers what the eye sees change. */
export function announce(text) {
  $("announcer").textContent = text;
}

/** Asks before something that cannot be undone; resolves with whether to do it. */
export function confirmErase(titleKey, textKey) {
  const dialog = $("confirm");
  $("confirm-title").textContent = t(titleKey);
  $("confirm-text").textContent = t(textKey);
  dialog.returnValue = "keep";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "erase"), { once: true });
  });
}

/** What to say about a problem: the service's own words, else ours. */
export function wording(problem) {
  if (problem.detail) {
    return { text: problem.detail, advice: problem.advice };
  }
  const kind = ["offline", "cancelled", "failed"].includes(problem.code) ? problem.code : "unexpected";
  return { text: t(`problem.${kind}`), advice: t(`problem.${kind}.advice`) };
}

/** Settings that outlive the tab; a browser that keeps none is fine too. */
export const memory = {
  read(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Private windows may refuse: the choice then lasts as long as the page.
    }
  },
};
