"use strict";

// Says the values under the pointer, above their chart. They stand in the chart's table, which is
// there for everybody; this only saves looking them up.

document.addEventListener("pointermove", (event) => {
  const plot = event.target.closest?.(".chart .plot");
  for (const figure of document.querySelectorAll(".chart.pointed")) {
    if (!figure.contains(plot)) leave(figure);
  }
  if (plot) point(plot, event.clientX);
});

function leave(figure) {
  figure.classList.remove("pointed");
  figure.querySelector(".readout").textContent = "";
}

function point(plot, x) {
  const figure = plot.closest(".chart");
  const box = plot.getBoundingClientRect();
  const share = ((x - box.left) / box.width) * 100;
  let nearest = null;
  for (const row of figure.querySelectorAll("tbody tr")) {
    const away = Math.abs(Number(row.dataset.x) - share);
    if (!nearest || away < nearest.away) nearest = { row, away };
  }
  if (!nearest || nearest.away > 4) return leave(figure);
  const names = [...figure.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const [moment, ...values] = [...nearest.row.cells].map((cell) => cell.textContent);
  const readout = figure.querySelector(".readout");
  readout.replaceChildren(moment);
  values.forEach((value, i) => {
    if (value === "–") return;
    const item = document.createElement("span");
    item.append(`${names[i + 1]} `, Object.assign(document.createElement("b"), { textContent: value }));
    readout.append(" ", item);
  });
  figure.classList.add("pointed");
  for (const pin of plot.querySelectorAll(".pin")) {
    pin.setAttribute("x1", `${nearest.row.dataset.x}%`);
    pin.setAttribute("x2", `${nearest.row.dataset.x}%`);
  }
}
