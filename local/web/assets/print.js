// The print sheet of a finished photo: paper, number and marks are chosen, the service lays it out, and
// what is shown is its own sheet, drawn coarsely.

import * as api from "./api.js";
import { language, number, onLanguage, t } from "./i18n.js";
import { $, element, memory, wording } from "./page.js";

const previewDPI = 110;
const marks = ["corners", "lines", "none"];

let papers = [];
let made = null; // the photo that is laid out
let shown = null; // {url, count} of the preview, or {problem}
let asking = new AbortController();

/** Says which photo a print sheet is made of. */
export function setPrintable(photo) {
  made = photo;
}

async function open() {
  $("print").showModal();
  if (papers.length === 0) {
    try {
      papers = await api.papers();
    } catch (err) {
      show({ problem: err });
      return;
    }
    draw();
    const last = memory.read("paper");
    if (papers.some((p) => p.id === last)) {
      $("print-paper").value = last;
    }
  }
  await lay();
}

/** What is asked for, as the service's query has it. */
function order() {
  const query = new URLSearchParams({ paper: $("print-paper").value, marks: $("print-marks").value });
  if ($("print-count").value !== "") {
    query.set("count", $("print-count").value);
  }
  return query;
}

/** Asks for the sheet as it is now, and forgets the question before. */
async function lay() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  $("print").setAttribute("aria-busy", "true");
  try {
    const query = order();
    query.set("dpi", previewDPI);
    const sheet = await api.sheet(made.id, query, signal);
    show({ url: URL.createObjectURL(sheet.blob), count: sheet.count });
  } catch (err) {
    if (!signal.aborted) {
      show({ problem: err instanceof api.Problem ? err : new api.Problem("unexpected") });
    }
  }
}

function show(next) {
  URL.revokeObjectURL(shown?.url);
  shown = next;
  $("print").setAttribute("aria-busy", "false");
  draw();
}

function options(select, list) {
  const { value } = select;
  select.replaceChildren(...list.map(([id, text]) => {
    const option = element("option", "", text);
    option.value = id;
    return option;
  }));
  if (list.some(([id]) => id === value)) {
    select.value = value;
  }
}

function draw() {
  options($("print-paper"), papers.map((p) => [p.id, p.names[language()]]));
  options($("print-marks"), marks.map((m) => [m, t(`print.marks.${m}`)]));
  const { url, count, problem } = shown ?? {};
  $("print-sheet").hidden = !url;
  if (url) {
    $("print-sheet").src = url;
  }
  const said = problem && wording(problem);
  $("print-warning").textContent = said ? `${said.text} ${said.advice ?? ""}` : "";
  $("print-facts").textContent = url
    ? t("print.facts", { n: number(count), w: number(made.spec.width_mm, 1), h: number(made.spec.height_mm, 1) })
    : "";
  for (const format of ["jpeg", "pdf"]) {
    const query = made ? order() : new URLSearchParams();
    query.set("format", format);
    $(`print-${format}`).href = made ? api.sheetPath(made.id, query) : "";
    $(`print-${format}`).hidden = !url;
  }
}

/** Makes the button and the dialog work. */
export function startPrint() {
  $("print-open").addEventListener("click", open);
  $("print-form").addEventListener("submit", (e) => e.preventDefault());
  $("print-form").addEventListener("change", () => {
    if ($("print-count").value !== "" && !$("print-count").checkValidity()) {
      $("print-count").value = "";
    }
    memory.write("paper", $("print-paper").value);
    if (papers.length > 0) {
      lay();
    }
  });
  $("print-close").addEventListener("click", () => $("print").close());
  $("print").addEventListener("close", () => asking.abort());
  onLanguage(draw);
}
