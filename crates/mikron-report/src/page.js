"use strict";
(() => {
  const panel = document.getElementById("panel");
  const hint = panel.firstElementChild;
  let kept = null;
  let marked = [];

  // Copies the template of a row into the panel; of a mark only what is required of its column.
  const show = (element) => {
    const template = document.getElementById(element.dataset.t);
    if (!template) return;
    const copy = template.content.cloneNode(true);
    const column = element.dataset.c;
    if (column !== undefined) {
      const heading = copy.querySelector("h3");
      const part = copy.querySelector(`section[data-c="${column}"]`);
      const title = document.createElement("h4");
      title.textContent = "requires of";
      panel.replaceChildren(heading, title, ...(part ? [part] : []));
    } else {
      panel.replaceChildren(copy);
    }
    panel.scrollTop = 0;
    for (const one of marked) one.classList.remove("on");
    const all = document.querySelectorAll(`tr[data-t="${element.dataset.t}"], .part[data-t="${element.dataset.t}"]`);
    marked = [...all, ...(column === undefined ? [] : [element])];
    for (const one of marked) one.classList.add("on");
  };

  const release = () => {
    kept = null;
    panel.classList.remove("kept");
    for (const one of marked) one.classList.remove("on");
    panel.replaceChildren(hint);
  };

  const target = (event) => (event.target instanceof Element ? event.target.closest("td[data-t], button[data-t], th[data-t], .part, tr[data-t]") : null);

  document.addEventListener("pointerover", (event) => {
    const element = target(event);
    if (element && !kept) show(element);
  });
  document.addEventListener("focusin", (event) => {
    const element = target(event);
    if (element && !kept) show(element);
  });
  const keep = (element) => {
    if (kept === element) return release();
    kept = element;
    show(element);
    panel.classList.add("kept");
  };
  document.addEventListener("click", (event) => {
    const element = target(event);
    if (element) keep(element);
    else if (event.target instanceof Element && !event.target.closest("#panel, .bar, details, nav")) release();
  });

  // The column of a mark is lit up with it.
  let hot = [];
  document.addEventListener("pointerover", (event) => {
    for (const one of hot) one.classList.remove("hot");
    hot = [];
    const cell = event.target instanceof Element && event.target.closest(".grid td, .grid th.c");
    if (!cell || cell.classList.contains("num") || cell.classList.contains("why")) return;
    for (const row of cell.closest("table").rows) {
      const other = row.cells[cell.cellIndex];
      if (other && row.offsetParent !== null) hot.push(other);
    }
    for (const one of hot) one.classList.add("hot");
  });

  // Arrow keys go from mark to mark, and from area to area.
  const visible = (element) => element.getClientRects().length > 0;
  const along = (list, from, step) => {
    for (let at = list.indexOf(from) + step; at >= 0 && at < list.length; at += step) {
      if (visible(list[at])) return list[at];
    }
    return null;
  };
  const nextInGrid = (element, key) => {
    const row = element.closest("tr");
    const stops = (of) => [...of.querySelectorAll("button, td.n")];
    if (key === "ArrowLeft" || key === "ArrowRight") return along(stops(row), element, key === "ArrowRight" ? 1 : -1);
    const column = element.closest("th, td").cellIndex;
    const step = key === "ArrowDown" ? 1 : -1;
    const rows = [...row.parentElement.rows];
    for (let at = rows.indexOf(row) + step; at >= 0 && at < rows.length; at += step) {
      const cell = rows[at].cells[column];
      const stop = cell && (cell.classList.contains("n") ? cell : cell.querySelector("button"));
      if (stop && visible(stop)) return stop;
    }
    return null;
  };
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return release();
    const element = event.target instanceof Element ? event.target : null;
    if (!element) return;
    const area = element.closest(".part");
    const stop = element.closest(".grid button, .grid td.n");
    if ((event.key === "Enter" || event.key === " ") && (area || element.matches("td.n"))) {
      event.preventDefault();
      return keep(element);
    }
    if (!event.key.startsWith("Arrow")) return;
    let next = null;
    if (area) {
      const areas = [...area.closest("svg").querySelectorAll(".part")];
      next = along(areas, area, event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1);
      if (next) {
        area.tabIndex = -1;
        next.tabIndex = 0;
      }
    } else if (stop) {
      next = nextInGrid(stop, event.key);
    }
    if (next) {
      event.preventDefault();
      next.focus();
    }
  });

  // The filter looks for every word in names and tokens.
  const texts = new Map();
  const text = (row) => {
    if (!texts.has(row)) {
      const template = document.getElementById(row.dataset.t);
      texts.set(row, (row.textContent + " " + (template ? template.content.textContent : "")).toLowerCase());
    }
    return texts.get(row);
  };
  for (const input of document.querySelectorAll("input[data-p]")) {
    const platform = document.getElementById(input.dataset.p);
    const rows = [...platform.querySelectorAll(".grid tbody tr")];
    input.addEventListener("input", () => {
      if (input.type === "checkbox") {
        platform.querySelector(".grid").classList.toggle("show-out", input.checked);
        return;
      }
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let number = 0;
      for (const row of rows) {
        const fits = words.every((word) => text(row).includes(word));
        row.classList.toggle("gone", !fits);
        if (fits && visible(row)) number += 1;
      }
      platform.querySelector("output").textContent = words.length ? `${number} of ${rows.length} rows` : "";
    });
  }
  document.documentElement.dataset.ready = "yes";
})();
