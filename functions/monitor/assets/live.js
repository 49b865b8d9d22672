"use strict";

// Keeps a page up to date. The server says over one event stream that something changed; the page
// then fetches itself again, and takes over only what differs: focus, open details, typed text and
// the place one has scrolled to stay. A page says what it shows by data-live="tasks lanes"; one
// that says nothing stays as it is.

const leastPause = 1500; // ms between two refreshes, and ten times what the last one took
const slowTick = 20000; // ms: ages grow, even when nothing happens
const longestBackOff = 30000;

const mark = document.getElementById("live");

document.querySelector(".menu [aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
rememberZone();
if (document.querySelector("[data-live]")) follow();

// rememberZone tells the server in which time zone the reader is.
function rememberZone() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const cookie = `zone=${encodeURIComponent(zone)}`;
  if (!zone || document.cookie.split("; ").includes(cookie)) return;
  document.cookie = `${cookie}; path=/monitor; max-age=31536000; samesite=lax`;
  if (document.querySelector("main time, main .chart")) refresh();
}

function show(state) {
  if (!mark || mark.dataset.state === state) return;
  mark.dataset.state = state;
  mark.textContent = mark.getAttribute(`data-word-${state}`);
  mark.hidden = false;
}

function follow() {
  let source = null;
  let backOff = 1000;
  let again = 0;

  function connect() {
    clearTimeout(again);
    source?.close();
    source = new EventSource("/monitor/live");
    source.addEventListener("hello", () => {
      backOff = 1000;
      refreshSoon(); // what changed while nobody listened
    });
    source.addEventListener("alone", () => source.close()); // no events here: the slow tick has to do
    source.addEventListener("changed", (event) => {
      const shown = new Set([...document.querySelectorAll("[data-live]")].flatMap((e) => e.dataset.live.split(" ")));
      if (JSON.parse(event.data).what.some((topic) => topic === "ledger" || shown.has(topic))) refreshSoon();
    });
    source.addEventListener("error", () => {
      show("off");
      if (source.readyState !== EventSource.CLOSED) return; // it asks again by itself
      again = setTimeout(connect, backOff);
      backOff = Math.min(backOff * 2, longestBackOff);
    });
  }

  function listen() {
    if (document.hidden) {
      clearTimeout(again);
      source?.close();
      source = null;
    } else if (!source) {
      connect();
    }
  }
  document.addEventListener("visibilitychange", listen);
  listen();
  setInterval(() => document.hidden || refreshSoon(), slowTick);
}

let due = 0;
let busy = false;
let missed = false;
let pause = leastPause;

// refreshSoon refreshes now, or once when the pause after the last refresh is over.
function refreshSoon() {
  if (busy) missed = true;
  else if (!due) due = setTimeout(refresh, 50);
}

async function refresh() {
  busy = true;
  const began = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (answer.status === 401) {
      location.reload(); // the session is over: the server leads to the page for signing in
      return;
    }
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      morph(document.getElementById("main"), page.getElementById("main"));
      show("on");
    } else {
      show("stale");
    }
  } catch {
    show("off");
  }
  pause = Math.max(leastPause, 10 * (performance.now() - began));
  setTimeout(() => {
    busy = false;
    due = 0;
    if (missed) {
      missed = false;
      refreshSoon();
    }
  }, pause);
}

// morph makes the element old like the element fresh, keeping every node that it can.
function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  attributes(old, fresh);
  const keyed = new Map();
  for (const child of old.children) if (child.id) keyed.set(child.id, child);
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    if (wanted.dataset?.keep !== undefined && old.querySelector(":scope > [data-keep]")) continue;
    while (at?.dataset?.keep !== undefined) at = at.nextSibling;
    let have = wanted.id ? keyed.get(wanted.id) : at;
    if (have && wanted.id && have !== at) {
      old.insertBefore(have, at);
    } else if (have && !wanted.id && have.id) {
      have = null; // it has a name of its own, and may be wanted later
    }
    if (have && have.nodeName === wanted.nodeName && have.nodeType === wanted.nodeType) {
      if (have.nodeType === Node.ELEMENT_NODE) morph(have, wanted);
      else if (have.data !== wanted.data) have.data = wanted.data;
      at = have.nextSibling;
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    if (at.dataset?.keep === undefined) at.remove();
    at = next;
  }
}

// attributes takes them over, but for what the reader has changed.
function attributes(old, fresh) {
  const own = old.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !own.includes(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) {
    if (!own.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
