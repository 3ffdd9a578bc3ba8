"use strict";
// The table of records: which are shown, in which order, with all answers side by side. Texts are read when a page of it is drawn.
const boards = (() => {
  const { el, svg, raw, preview, clamp, count, number } = dom;
  const PAGE = matchMedia("(max-width: 720px)").matches ? 10 : 25;
  const WAIT = 150; // milliseconds without a key before a search starts

  const opened = [];
  for (const home of document.querySelectorAll("[data-records]")) {
    if (!document.getElementById(home.dataset.records)) continue;
    if (!chunks.isKnown) home.append(el("p", { class: "note" }, "This part needs a browser of 2023 or later. The same records are in the run's folder, in samples/."));
    else chunks.open(home.dataset.records).then((store) => opened.push(show(home, store)));
  }

  function show(home, store) {
    const { candidates, metrics, numbers, indexes } = store;
    const anchor = `r${home.dataset.anchor}-`;
    const best = Math.max(0, candidates.findIndex((candidate) => candidate.name === store.best));
    const other = candidates.findIndex((candidate) => candidate.run !== candidates[best].run); // of several runs
    const state = {
      metric: 0, left: best, right: other >= 0 ? other : candidates.findIndex((_, place) => place !== best), only: "all", found: null,
      key: "index", down: false, page: 0, off: new Set(), open: new Set(), words: "off", current: null,
    };

    const pick = selection.make(store, state);
    const { score, difference, gain, higher, neutral, hasPair, isCompared, seen, measures, sizeOf, chosen } = pick;
    const answers = (record, c) => (record.answers[c] ? [record.answers[c], ...(record.answers[c].repeats || [])] : []);
    const field = (record, name) => (record.fields.find((entry) => entry[0] === name) || ["", ""])[1];
    const task = (record) => raw(field(record, "instruction")) || raw((record.fields[0] || ["", ""])[1]);

    // -- tools --
    const chip = (c) => el("button", {
      type: "button", class: `chip k${candidates[c].colour}`, "aria-pressed": "true",
      onclick: (event) => {
        if (state.off.has(c)) state.off.delete(c);
        else if (seen().length > 1) state.off.add(c);
        event.currentTarget.setAttribute("aria-pressed", String(!state.off.has(c)));
        redraw();
      },
    }, el("bdi", {}, candidates[c].name));
    const select = (label, options, now, change) => el("label", {}, el("span", { "aria-hidden": "true" }, label), el("select", {
      "aria-label": label,
      onchange: (event) => { change(event.target.value); state.page = 0; redraw(); },
    }, options.map(([key, text]) => el("option", { value: key, selected: String(key) === String(now) }, text))));
    const names = candidates.map((candidate, c) => [c, candidate.name]);
    const { filters } = pick;
    const onlySelect = select("Show", filters.map((key) => [key, ""]), "all", (key) => { state.only = key; state.isSorted = false; });
    const leftSelect = select("Compare", names, state.left, (c) => pair(Number(c), state.right === Number(c) ? state.left : state.right));
    const rightSelect = select("with", names, state.right, (c) => pair(state.left === Number(c) ? state.right : state.left, Number(c)));
    function pair(left, right) {
      [state.left, state.right] = [left, right];
      leftSelect.querySelector("select").value = String(left);
      rightSelect.querySelector("select").value = String(right);
    }
    function swap() {
      if (!hasPair()) return;
      pair(state.right, state.left);
      state.page = 0;
      redraw();
    }
    const search = el("input", { type: "search", placeholder: "Search all text", "aria-label": "Search in all text of the records", oninput: () => find(WAIT) });
    home.append(el("div", { class: "tools" },
      search,
      onlySelect,
      metrics.length > 1 && select("Metric", metrics.map((metric, m) => [m, metric.label]), 0, (m) => { state.metric = Number(m); }),
      hasPair() && el("span", { class: "versus" }, leftSelect, el("button", { type: "button", class: "ghost swap", "aria-label": "Swap the two candidates", title: "Swap the two candidates", onclick: swap }, "⇄"), rightSelect),
      el("button", { type: "button", class: "ghost keys-button", "aria-haspopup": "dialog", onclick: () => keyboard.open() }, "Keys"),
      candidates.length > 1 && el("div", { class: "chips", role: "group", "aria-label": "Candidates shown" }, candidates.map((_, c) => chip(c)))));

    // -- search --
    let searches = 0;
    let isSearching = false;
    let waiting = 0;
    function find(wait) {
      searches += 1;
      const own = searches;
      const query = search.value.toLowerCase().trim();
      clearTimeout(waiting);
      isSearching = true;
      busy();
      waiting = setTimeout(async () => {
        const found = query ? await store.search(query, (share) => { status.textContent = `Searching: ${Math.min(100, Math.round(100 * share))} %`; }, () => own !== searches) : null;
        if (own !== searches) return;
        isSearching = false;
        state.found = found;
        state.page = 0;
        draw();
      }, query ? wait : 0);
    }

    // -- the table --
    const headRow = el("tr", {});
    const body = el("tbody", {});
    const table = el("table", { class: "answers" }, el("caption", { class: "hidden" }, `Records of ${store.dataset}`), el("thead", {}, headRow), body);
    const frame = el("div", { class: "frame", "aria-busy": "true" }, table);
    const strip = el("div", { class: "strip" });
    const status = el("span", { role: "status" });
    const turn = (by) => async () => { state.page += by; await draw(); frame.scrollIntoView({ block: "start" }); };
    const back = el("button", { type: "button", class: "ghost", onclick: turn(-1) }, "Previous");
    const next = el("button", { type: "button", class: "ghost", onclick: turn(1) }, "Next");
    const jumpTo = el("input", { type: "number", min: "0", "aria-label": "Go to the record of this number", placeholder: "#", inputmode: "numeric" });
    const jump = el("form", { class: "jump", onsubmit: (event) => { event.preventDefault(); if (jumpTo.value !== "") go(Number(jumpTo.value)); } }, jumpTo, el("button", { type: "submit", class: "ghost" }, "Go"));
    home.append(strip, frame, el("div", { class: "pager" }, status, jump, back, next));

    const sorter = (key, label, down) => el("button", {
      type: "button", class: "sort",
      onclick: () => {
        state.down = state.key === String(key) && !pick.isBySize() ? !state.down : down;
        state.key = String(key);
        state.isSorted = true;
        state.page = 0;
        markSort();
        draw();
      },
    }, label);
    function drawHead() {
      const [left, right] = [state.left, state.right].map((c) => (c < 0 ? "" : candidates[c].name));
      const beats = neutral() ? "has more than" : "beats";
      const texts = {
        all: "all records",
        behind: isCompared() && `${neutral() ? "" : "lost: "}${right} ${beats} ${left}`,
        ahead: isCompared() && `${neutral() ? "" : "won: "}${left} ${beats} ${right}`,
        even: isCompared() && `equal: ${left} and ${right}`,
        failed: "any failure or missing score",
        limit: "any answer cut at the token limit",
        characters: "longest answers, the top 5 %",
        tokens: "most tokens, the top 5 %",
        latency: "slowest answers, the top 5 %",
      };
      for (const option of onlySelect.querySelectorAll("option")) {
        option.textContent = texts[option.value] || "";
        option.hidden = !texts[option.value];
      }
      if (!texts[state.only]) state.only = onlySelect.querySelector("select").value = "all";
      headRow.replaceChildren(
        el("th", { scope: "col", class: "at", "data-key": "index" }, sorter("index", "#", false)),
        el("th", { scope: "col", class: "task" }, "Instruction"),
        el("th", { scope: "col", class: "reference" }, "Reference"),
        ...seen().map((c) => el("th", { scope: "col", class: `answer k${candidates[c].colour}`, "data-key": c },
          sorter(c, el("span", { class: "who" }, el("bdi", {}, candidates[c].name)), higher()),
          el("span", { class: "mean", "data-mean": c }))),
        ...(isCompared() ? [el("th", { scope: "col", class: "num gap", "data-key": "difference" }, sorter("difference", "Difference", true))] : []));
      if (state.key === "difference" && !isCompared()) state.key = "index";
      markSort();
    }
    function markSort() {
      for (const cell of headRow.querySelectorAll("[data-key]")) {
        cell.setAttribute("aria-sort", cell.dataset.key !== state.key || pick.isBySize() ? "none" : state.down ? "descending" : "ascending");
      }
    }

    let draws = 0;
    let rows = [];
    const busy = () => frame.setAttribute("aria-busy", "true");
    async function draw() {
      draws += 1;
      const own = draws;
      busy();
      const matches = chosen();
      const pages = Math.max(1, Math.ceil(matches.length / PAGE));
      state.page = Math.min(Math.max(0, state.page), pages - 1);
      const start = state.page * PAGE;
      const shown = await Promise.all(matches.slice(start, start + PAGE).map((place) => store.record(place)));
      if (own !== draws) return;
      rows = matches;
      body.replaceChildren(...shown.flatMap((record) => (state.open.has(record.place) ? [row(record), detail(record)] : [row(record)])));
      if (!shown.length) body.append(el("tr", {}, el("td", { class: "nothing", colspan: headRow.children.length }, "No matching records. Clear the search or show all records.")));
      status.textContent = rows.length
        ? `Records ${count(start + 1)}–${count(start + shown.length)} of ${count(rows.length)}${rows.length < indexes.length ? ` found in ${count(indexes.length)}` : ""}`
        : `0 of ${count(indexes.length)} records`;
      back.disabled = state.page === 0;
      next.disabled = state.page >= pages - 1;
      back.hidden = next.hidden = jump.hidden = pages === 1;
      for (const cell of headRow.querySelectorAll("[data-mean]")) {
        const scores = rows.map((place) => score(place, Number(cell.dataset.mean))).filter((s) => s !== null);
        cell.textContent = scores.length ? `mean ${number(scores.reduce((sum, s) => sum + s, 0) / scores.length)}` : "";
      }
      differenceStrip.draw(strip, board, rows);
      fit();
      frame.setAttribute("aria-busy", String(isSearching));
    }
    const redraw = () => { drawHead(); return draw(); };

    const details = new Map();
    function detail(record) {
      const full = inFull.open(board, record);
      details.set(record.place, full);
      return el("tr", { class: "detail" }, el("td", { colspan: headRow.children.length }, full.element));
    }
    function row(record) {
      const { place } = record;
      const button = el("button", { type: "button", class: "unfold", "aria-expanded": String(state.open.has(place)), "aria-label": `Record ${record.index} in full`, onfocus: () => { state.current = place; } }, String(record.index));
      const scores = seen().map((c) => score(place, c)).filter((s) => s !== null);
      const top = scores.length > 1 && !neutral() ? (higher() ? Math.max(...scores) : Math.min(...scores)) : null;
      const element = el("tr", { class: "record", id: anchor + record.index },
        el("th", { scope: "row", class: "at" }, button),
        el("td", { class: "task", "data-label": "Instruction" }, clamp(task(record))),
        el("td", { class: "reference", "data-label": "Reference" }, clamp(field(record, "response"))),
        ...seen().map((c) => answerCell(record, c, top)),
        ...(isCompared() ? [gapCell(place)] : []));
      element.addEventListener("click", (event) => {
        const isText = !event.target.closest("button") && String(getSelection()).length > 0;
        if (!isText) toggle(record, element, button);
      });
      return element;
    }
    function toggle(record, element, button) {
      const opens = !state.open.has(record.place);
      state.current = record.place;
      if (opens) {
        state.open.add(record.place);
        element.after(detail(record));
        history.replaceState(null, "", address(record));
      } else {
        state.open.delete(record.place);
        details.delete(record.place);
        element.nextSibling.remove();
      }
      button.setAttribute("aria-expanded", String(opens));
      fit();
    }
    const address = (record) => `${location.href.split("#")[0]}#${anchor}${record.index}`;
    const spreads = new Map();
    function spread() {
      if (!spreads.has(state.metric)) {
        let [low, high] = [0, 0];
        for (const own of numbers) {
          for (const value of own.scores[state.metric] || []) {
            if (value < low) low = value;
            if (value > high) high = value;
          }
        }
        spreads.set(state.metric, [low, high]);
      }
      return spreads.get(state.metric);
    }
    function bar(own) {
      const [low, high] = spread();
      const width = own === null || high === low ? 0 : (own - low) / (high - low);
      return svg("svg", { class: "bar-score", "aria-hidden": "true" }, svg("rect", { class: "rest", width: "100%", height: "100%" }), svg("rect", { class: "fill", width: `${100 * width}%`, height: "100%" }));
    }
    function answerCell(record, c, top) {
      const reply = record.answers[c];
      const own = score(record.place, c);
      const others = metrics.map((metric, m) => [metric.label, m === state.metric ? null : score(record.place, c, m)]).filter(([, s]) => s !== null).map(([label, s]) => `${label} ${number(s)}`);
      const size = sizeOf(record.place, c);
      if (size !== null) others.unshift(measures[state.only](size));
      return el("td", { class: `answer k${candidates[c].colour}`, "data-label": candidates[c].name },
        el("div", { class: "line" },
          el("span", { class: own !== null && own === top ? "score top" : "score" }, number(own)), bar(own), inFull.marks(board, record, c)),
        others.length > 0 && el("div", { class: "others" }, others.map((text) => el("span", {}, text))),
        reply && reply.error ? el("div", { class: "clamp error", dir: "auto" }, preview(reply.error)) : clamp(reply ? reply.output : ""));
    }
    function gapCell(place) {
      const gap = difference(place);
      const kind = gap === null || gap === 0 ? "" : gain(place) > 0 ? "plus" : "minus";
      return el("td", { class: "num gap", "data-label": "Difference" }, el("span", { class: kind }, number(gap, true)));
    }

    // -- going to a record --
    const buttonOf = (place) => { const found = document.getElementById(anchor + indexes[place]); return found && found.querySelector("button"); };
    async function go(index) {
      const place = store.placeOf(index);
      if (place < 0) {
        status.textContent = `There is no record ${index}`;
        return;
      }
      if (!chosen().includes(place)) {
        searches += 1;
        isSearching = false;
        clearTimeout(waiting);
        state.found = null;
        search.value = "";
        state.only = onlySelect.querySelector("select").value = "all";
      }
      state.page = Math.floor(chosen().indexOf(place) / PAGE);
      state.open.add(place);
      await draw();
      history.replaceState(null, "", `#${anchor}${index}`);
      document.getElementById(anchor + index).scrollIntoView({ block: "start" });
      buttonOf(place).focus({ preventScroll: true });
    }
    // Moves to a neighbour of a record in the table, on another page of it if need be.
    async function move(place, by) {
      const at = rows.indexOf(place);
      const isHere = at >= 0 && Math.floor(at / PAGE) === state.page;
      const to = isHere ? at + by : state.page * PAGE;
      if (to < 0 || to >= rows.length) return -1;
      if (Math.floor(to / PAGE) !== state.page) {
        state.page = Math.floor(to / PAGE);
        const wanted = rows[to];
        await draw();
        return reveal(wanted);
      }
      return reveal(rows[to]);
    }
    function reveal(place) {
      const button = buttonOf(place);
      button.focus({ preventScroll: true });
      button.closest("tr").scrollIntoView({ block: "nearest" });
      return place;
    }
    // Closes a record and opens its neighbour.
    async function step(place, by) {
      const to = await move(place, by);
      if (to < 0) return;
      const own = buttonOf(place);
      if (own && state.open.has(place)) own.click();
      state.open.delete(place);
      if (!state.open.has(to)) buttonOf(to).click();
      document.getElementById(anchor + indexes[to]).scrollIntoView({ block: "start" });
    }
    function mark() {
      if (!hasPair()) return;
      state.words = state.words === "between" ? "off" : "between";
      for (const place of state.open) if (details.has(place)) details.get(place).redraw();
    }
    function fromAddress() {
      const asked = location.hash.slice(1);
      if (asked.startsWith(anchor)) go(Number(asked.slice(anchor.length)));
      return asked.startsWith(anchor);
    }

    // The heading can stick to the top of the window only if the frame does not scroll sideways.
    const fit = () => {
      frame.classList.remove("wide");
      frame.classList.toggle("wide", table.scrollWidth > frame.clientWidth + 1);
      frame.style.setProperty("--frame", `${frame.clientWidth}px`);
      fade();
    };
    const fade = () => frame.classList.toggle("more", frame.scrollWidth - frame.clientWidth - frame.scrollLeft > 1);
    frame.addEventListener("scroll", fade, { passive: true });
    addEventListener("resize", fit);
    addEventListener("hashchange", fromAddress);
    const board = { home, state, candidates, metrics, indexes, score, answers, difference, gain, higher, neutral, hasPair, isCompared, seen, field, go, move, step, swap, mark, address, buttonOf, search, number: jumpTo, turn: (by) => turn(by)() };
    drawHead();
    if (!fromAddress()) draw();
    return board;
  }

  return opened;
})();
