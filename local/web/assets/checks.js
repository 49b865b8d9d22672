// What the service measured on the photo against the document's rules: one line, and a table behind it.

import { knows, number, t } from "./i18n.js";
import { $, element } from "./page.js";

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
}

function row(rule) {
  const name = element("th", "", t(`measure.${rule.measure}`));
  name.scope = "row";
  if (rule.grade === "house") {
    name.append(element("small", "", t("checks.house")));
  }
  const value = element("td", rule.verdict === "pass" ? "" : "bad", millimetres(rule.value_mm));
  const min = number(rule.min_mm, 1);
  const allowed = rule.max_mm === undefined
    ? t("checks.at_least", { min })
    : t("checks.between", { min, max: number(rule.max_mm, 1) });
  return element("tr", "", "", name, value, element("td", "", allowed));
}

function millimetres(value) {
  return t("checks.mm", { n: number(value, 1) });
}
