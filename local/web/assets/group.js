// One picture of many people: the service makes a photo of everybody in it, and hands them out as one
// archive.

import * as api from "./api.js";
import { number, onLanguage, t } from "./i18n.js";
import { $, announce, element, wording } from "./page.js";

const often = 1000; // ms between questions
const look = 10_000; // ms between them while only held photos are waited for
const patience = 12; // questions in a row that get no answer

const batches = new Set(); // whose pictures the service may still hold
let latest = null; // {id, view, problem} of the group that is shown
let orderOf = () => null;

/** Removes all group pictures of this tab and what was made of them. */
export async function eraseGroups() {
  for (const id of batches) {
    await api.eraseBatch(id);
    batches.delete(id);
  }
  latest = null;
  draw();
}

async function take(event) {
  const [file] = event.target.files;
  event.target.value = ""; // so that the same file can be chosen again
  const fields = orderOf();
  if (!file || !fields) {
    return;
  }
  const mine = { view: null };
  latest = mine;
  draw();
  try {
    mine.id = (await api.group(file, fields)).batch_id;
    batches.add(mine.id);
    await follow(mine);
  } catch (err) {
    mine.problem = err instanceof api.Problem ? err : new api.Problem("unexpected");
  }
  draw();
}

/** Asks how the group fares until all its photos are made and looked at, or another group is shown. */
async function follow(group) {
  let unanswered = 0;
  let told = false;
  while (latest === group) {
    try {
      group.view = await api.batch(group.id);
      unanswered = 0;
    } catch (err) {
      unanswered += 1;
      if (!err.passing || unanswered > patience) {
        throw err;
      }
    }
    draw();
    const { finished, states } = group.view ?? {};
    if (finished && !told) {
      announce(stateInWords(group));
      told = true;
    }
    if (finished && !states.held) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, finished ? look : often));
  }
}

/** The picture's own task is counted with those of its people. */
function people({ total, done, states }) {
  return { n: total - 1, done: Math.max(done - 1, 0), made: Math.max((states.succeeded ?? 0) - 1, 0) };
}

function stateInWords({ view, problem }) {
  if (problem) {
    const { text, advice } = wording(problem);
    return `${text} ${advice ?? ""}`;
  }
  if (!view) {
    return t("group.sending");
  }
  const { n, done, made } = people(view);
  if (view.finished) {
    return t("group.made", { n: number(made) });
  }
  return n > 0 ? t("group.progress", { done: number(done), n: number(n) }) : t("group.looking");
}

function refusal({ row, seat, message, advice }) {
  const who = row ? t("group.seat", { row: number(row), seat: number(seat) }) : "";
  return element("li", "", `${who}${message} ${advice ?? ""}`);
}

function draw() {
  const view = latest?.view;
  $("group-state").textContent = latest ? stateInWords(latest) : "";
  $("group-state").classList.toggle("warning", Boolean(latest?.problem));
  $("group-progress").hidden = !latest || Boolean(latest.problem) || Boolean(view?.finished);
  $("group-progress").style.setProperty("--done", view && people(view).n > 0 ? (100 * people(view).done) / people(view).n : 0);
  $("group-zip").hidden = !view?.finished || people(view).made === 0;
  if (view) {
    $("group-zip").href = api.archivePath(latest.id);
  }
  $("group-refused").replaceChildren(...(view?.items ?? []).filter((item) => item.message).map(refusal));
  $("group-erase").hidden = batches.size === 0;
}

async function erase() {
  try {
    await eraseGroups();
    announce(t("erase.done"));
  } catch (err) {
    latest = { view: null, problem: err };
    draw();
  }
}

/** Makes the section work; f gives the form's fields as they are chosen, or null. */
export function startGroup(f) {
  orderOf = f;
  $("group-file").addEventListener("change", take);
  $("group-erase").addEventListener("click", erase);
  onLanguage(async () => {
    draw();
    if (latest?.view?.finished) {
      latest.view = await api.batch(latest.id).catch(() => latest.view); // refusals speak the language they were asked in
      draw();
    }
  });
  draw();
}
