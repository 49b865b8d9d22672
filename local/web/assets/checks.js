// What the service measured on the photo against the document's rules: one line, and behind it a
// table and the measured places drawn on the photo.

import { knows, number, t } from "./i18n.js";
import { $, element } from "./page.js";

const softFrom = 1.2; // photo pixels per picture pixel

/** Shows a report's rules; none when the report is missing. */
export function showChecks(report) {
  const rules = (report?.rules ?? []).filter((r) => knows(`measure.${r.measure}`));
  $("checks").hidden = rules.length === 0;
  if (rules.length === 0) {
    return;
  }
  const bad = rules.filter((r) => r.verdict !== "pass").length;
  $("checks").dataset.verdict = bad ? "fail" : "pass";
  $("checks-verdict").textContent = bad
    ? t("checks.fail", { bad, n: rules.length })
    : t("checks.pass", { n: rules.length });
  $("checks-rows").replaceChildren(...rules.map(row));
  $("checks-soft").hidden = !(report.upscale > softFrom);
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

/** Lines through the top of the hair, the eyes and the chin. */
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
  const value = element("td", rule.verdict === "pass" ? "" : "bad", millimetres(rule.value_mm));
  const min = number(rule.min_mm, 1);
  const allowed = rule.max_mm === undefined
    ? t("checks.at_least", { min })
    : t("checks.between", { min, max: number(rule.max_mm, 1) });
  return element("tr", "", "", name, value, element("td", "", allowed));
}

function millimetres(value) {
  return t("millimetres", { n: number(value, 1) });
}
