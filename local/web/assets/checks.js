// What the service found: one line, and behind it what deserves a look, in words, then a table of the
// document's measures and the measured places drawn on the photo.

import { knows, number, t } from "./i18n.js";
import { $, element } from "./page.js";

const groups = { fail: "checks.bad", warn: "checks.doubt", note: "checks.stated" };

/** Shows a report; nothing when it is missing. */
export function showChecks(report) {
  const rules = rows(report);
  const findings = (report?.quality ?? []).filter((f) => knows(`quality.${f.measure}`));
  const all = [...rules, ...findings];
  $("checks").hidden = all.length === 0;
  if (all.length === 0) {
    return;
  }
  const judged = all.filter((c) => c.verdict !== "note");
  const worst = ["fail", "warn"].find((v) => judged.some((c) => c.verdict === v)) ?? "pass";
  const bad = judged.filter((c) => c.verdict === worst).length;
  $("checks").dataset.verdict = worst;
  $("checks-verdict").textContent = t(`checks.${worst}`, { bad: number(bad), n: number(judged.length) });
  $("checks-findings").replaceChildren(...sections(findings));
  $("checks-rows").replaceChildren(...rules.map(row));
  const unchecked = (report.not_checked ?? []).map(uncheckedName);
  $("checks-unchecked").textContent = unchecked.length ? t("checks.unchecked", { list: unchecked.join(t("checks.separator")) }) : "";
  $("lines").replaceChildren(...lines(report));
}

/** Closes the table. */
export function closeChecks() {
  $("checks").open = false;
}

/** Makes room for the table under the photo while it is open. */
export function startChecks() {
  $("checks").addEventListener("toggle", () => {
    const { open } = $("checks");
    $("photo").classList.toggle("measured", open);
    $("photo").style.setProperty("--panel", `${open ? document.querySelector(".checks .panel").offsetHeight : 0}px`);
  });
}

/** The document's measures that this page has words for, the tilt among them. */
function rows(report) {
  const rules = (report?.rules ?? []).filter((r) => knows(`measure.${r.measure}`));
  const tilt = report?.tilt;
  return tilt ? [...rules, { ...tilt, measure: "tilt" }] : rules;
}

/** What deserves a look, worst first; what is in order in one line that opens. */
function sections(findings) {
  const parts = Object.entries(groups).map(([verdict, title]) => {
    const these = findings.filter((f) => f.verdict === verdict);
    return these.length ? element("section", verdict, "", element("h3", "", t(title)), list(these)) : null;
  });
  const passed = findings.filter((f) => f.verdict === "pass").map((f) => t(`quality.${f.measure}`));
  if (passed.length) {
    const summary = element("summary", "", t("checks.good", { n: number(passed.length) }));
    parts.push(element("details", "passes", "", summary, element("p", "", passed.join(t("checks.separator")))));
  }
  return parts.filter(Boolean);
}

function list(findings) {
  return element("ul", "", "", ...findings.map((f) => {
    const line = element("li", "", t(`quality.${f.measure}.bad`));
    if (!f.asked) {
      line.append(" ", element("small", "", t("checks.house")));
    }
    return line;
  }));
}

function uncheckedName(name) {
  return knows(`unchecked.${name}`) ? t(`unchecked.${name}`) : name.replaceAll("_", " ");
}

/** Lines through the top of the head, the eyes and the chin. */
function lines(report) {
  const eyes = report.eyes_px ?? [];
  const heights = [report.crown_y_px, (eyes[0]?.y + eyes[1]?.y) / 2, report.chin_px?.y];
  return heights.filter(Number.isFinite).map((y) => {
    const line = element("span");
    line.style.setProperty("--y", y / report.height_px);
    return line;
  });
}

function row(rule) {
  const name = element("th", "", t(`measure.${rule.measure}`));
  name.scope = "row";
  if (rule.grade === "house") {
    name.append(" ", element("small", "", t("checks.house")));
  }
  const [value, allowed] = rule.measure === "tilt"
    ? [t("degrees", { n: number(rule.value_deg, 1) }), t("checks.at_most", { max: number(rule.max_deg, 1) })]
    : [millimetres(rule.value_mm), range(rule)];
  const tone = { fail: "bad", warn: "doubt" }[rule.verdict] ?? "";
  return element("tr", "", "", name, element("td", tone, value), element("td", "", allowed));
}

function range(rule) {
  const min = number(rule.min_mm, 1);
  return rule.max_mm === undefined
    ? t("checks.at_least", { min })
    : t("checks.between", { min, max: number(rule.max_mm, 1) });
}

function millimetres(value) {
  return t("millimetres", { n: number(value, 1) });
}
