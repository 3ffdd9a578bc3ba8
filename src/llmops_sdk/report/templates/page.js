"use strict";
// The page around the records: theme, plots that switch, tables that sort or scroll, the loss under the pointer, printing.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // -- theme --
  const themeButton = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const nameTheme = () => {
    document.getElementById("theme-word").textContent = isDark() ? "Light" : "Dark";
    themeButton.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  };
  themeButton.hidden = false;
  themeButton.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
    try {
      localStorage.setItem("llmops-report-theme", root.dataset.theme);
    } catch (error) {
      // Without storage the choice lasts until the page is closed.
    }
  });
  system.addEventListener("change", nameTheme);
  nameTheme();

  // -- plots that switch --
  for (const group of all("[data-switch]")) {
    group.addEventListener("click", (event) => {
      const pressed = event.target.closest("button");
      if (!pressed) return;
      for (const button of all("button", group)) button.setAttribute("aria-pressed", String(button === pressed));
      for (const panel of all("[data-panel]")) {
        if (panel.dataset.panel === group.dataset.switch) panel.hidden = panel.dataset.name !== pressed.dataset.show;
      }
    });
  }

  // -- tables that sort --
  for (const table of all("table.lead")) {
    const heads = all("thead th", table);
    const body = table.tBodies[0];
    heads.forEach((head, column) => {
      const button = head.querySelector(".sort");
      if (!button) return;
      button.addEventListener("click", () => {
        const now = head.getAttribute("aria-sort");
        const order = now === "none" ? button.dataset.order : now === "ascending" ? "descending" : "ascending";
        for (const other of heads) if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", order);
        const value = (row) => {
          const text = row.children[column].dataset.value;
          return text === "" ? null : Number(text);
        };
        const sign = order === "ascending" ? 1 : -1;
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          if (x === null || y === null) return (x === null) - (y === null);
          return sign * (x - y);
        });
        body.append(...rows);
      });
    });
  }

  // -- tables that are wider than the page --
  for (const box of all(".scroll")) {
    const mark = () => box.classList.toggle("more", box.scrollWidth - box.clientWidth - box.scrollLeft > 1);
    box.addEventListener("scroll", mark, { passive: true });
    addEventListener("resize", mark);
    mark();
  }

  // -- the loss under the pointer --
  const data = document.getElementById("curves-data");
  const curves = data ? JSON.parse(data.textContent) : [];
  const hiddenCurves = new Set();
  for (const button of all("[data-toggle-curve]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      if (shown) hiddenCurves.delete(button.dataset.toggleCurve);
      else hiddenCurves.add(button.dataset.toggleCurve);
      for (const drawn of all(`[data-curve="${Number(button.dataset.toggleCurve)}"]`)) drawn.classList.toggle("off", !shown);
    });
  }
  for (const field of all("[data-curves]")) {
    const tip = field.querySelector(".tip");
    const cross = field.querySelector(".cross");
    const across = Number(field.dataset.across);
    const [low, high] = field.dataset.x.split(",").map(Number);
    const unit = ["step", "token", "second"][across];
    field.addEventListener("pointermove", (event) => {
      const box = field.getBoundingClientRect();
      const share = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      const at = low + share * (high - low);
      tip.replaceChildren(line(`${unit} ${Math.round(at).toLocaleString("en")}`));
      curves.forEach((curve, index) => {
        if (hiddenCurves.has(String(index)) || !curve.points.length) return;
        const points = curve.points.filter((p) => p[3] !== null);
        const held = curve.points.filter((p) => p[4] !== null);
        const nearest = near(points, across, at);
        const taken = near(held, across, at);
        const parts = [];
        if (nearest) parts.push(`batch ${nearest[3].toFixed(3)}`);
        if (taken) parts.push(`held out ${taken[4].toFixed(3)} (step ${taken[0].toLocaleString("en")})`);
        const row = line(` ${parts.join(" · ")}`);
        const who = document.createElement("span");
        who.className = `who k${curve.colour}`;
        who.textContent = curve.label;
        row.prepend(who);
        tip.append(row);
      });
      tip.hidden = false;
      tip.style.left = share < 0.5 ? `${share * box.width + 12}px` : "auto";
      tip.style.right = share < 0.5 ? "auto" : `${(1 - share) * box.width + 12}px`;
      for (const end of ["x1", "x2"]) cross.setAttribute(end, `${100 * share}%`);
      cross.style.visibility = "visible";
    });
    field.addEventListener("pointerleave", () => {
      tip.hidden = true;
      cross.style.visibility = "";
    });
  }
  function line(text) {
    const paragraph = document.createElement("p");
    paragraph.textContent = text;
    return paragraph;
  }
  function near(points, across, at) {
    let best = null;
    for (const point of points) if (!best || Math.abs(point[across] - at) < Math.abs(best[across] - at)) best = point;
    return best;
  }

  // -- copying and printing --
  for (const button of all("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const done = await copyText(source.textContent, source);
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
  async function copyText(text, source) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      // No clipboard: select the text, for the keyboard to copy it.
      getSelection().selectAllChildren(source);
      return false;
    }
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all(".folds details:not([open])");
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });
})();
