"use strict";
// The records: all answers side by side. Text from models and datasets is only ever set as text, never as HTML.
(() => {
  const PAGE = matchMedia("(max-width: 720px)").matches ? 10 : 25;
  const PREVIEW = 500;

  // -- elements and texts --
  function el(tag, attributes, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "class") element.className = value;
      else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child || child === 0));
    return element;
  }
  function svg(tag, attributes, ...children) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }
  // Control characters are shown as symbols: they would be invisible, or disturb the text beside them.
  const visible = (text) => text.replace(/\r\n/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, (c) => (c === "\x7f" ? "\u2421" : String.fromCharCode(0x2400 + c.charCodeAt(0))));
  const raw = (value) => (value === null || value === undefined ? "" : typeof value === "string" ? value : value.cut);
  const preview = (value) => {
    const text = visible(raw(value).slice(0, PREVIEW + 1));
    return text.length > PREVIEW ? `${text.slice(0, PREVIEW)}…` : text;
  };
  const isCut = (value) => value !== null && typeof value === "object";
  const fullText = (value) => (isCut(value) ? [visible(value.cut), el("span", { class: "cut" }, `The first ${count(value.cut.length)} of ${count(value.of)} characters. The run's samples have the full text.`)] : [visible(raw(value))]);
  const count = (n) => n.toLocaleString("en");
  function number(value, sign) {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    const digits = size < 10 ? 3 : size < 100 ? 2 : size < 1000 ? 1 : 0;
    const text = size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
    if (!/[1-9]/.test(text)) return text;
    return (value < 0 ? "−" : sign ? "+" : "") + text;
  }
  const time = (seconds) => (seconds === undefined || seconds === null ? null : seconds < 0.0995 ? `${Math.round(1000 * seconds)} ms` : `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`);

  for (const home of document.querySelectorAll("[data-records]")) {
    const source = document.getElementById(home.dataset.records);
    if (source) show(home, JSON.parse(source.textContent));
  }

  function show(home, { head, records }) {
    const { candidates, metrics } = head;
    const anchor = `r${home.dataset.anchor}-`;
    const best = Math.max(0, candidates.findIndex((candidate) => candidate.name === head.best));
    const state = {
      metric: 0, left: best, right: candidates.findIndex((_, place) => place !== best), query: "", only: "all",
      key: "index", down: false, page: 0, off: new Set(), open: new Set(), words: "off",
    };

    // -- numbers of a record --
    const answer = (record, c) => record.answers[c];
    const answers = (record, c) => (answer(record, c) ? [answer(record, c), ...(answer(record, c).repeats || [])] : []);
    function score(record, c, m = state.metric) {
      const scores = metrics.length ? answers(record, c).map((reply) => reply.scores[m]).filter((s) => s !== null).sort((a, b) => a - b) : [];
      return scores.length ? scores.reduce((sum, s) => sum + s, 0) / scores.length : null;
    }
    const higher = () => !metrics.length || metrics[state.metric].higher !== false;
    const neutral = () => metrics.length > 0 && metrics[state.metric].higher === null;
    const beats = () => (neutral() ? "has more than" : "beats");
    const pairs = () => state.right >= 0 && metrics.length > 0;
    function difference(record) {
      const [a, b] = [score(record, state.left), score(record, state.right)];
      return a === null || b === null ? null : a - b;
    }
    const gain = (record) => (difference(record) === null ? null : (higher() ? 1 : -1) * difference(record));
    const field = (record, name) => (record.fields.find((entry) => entry[0] === name) || ["", ""])[1];
    const task = (record) => raw(field(record, "instruction")) || raw((record.fields[0] || ["", ""])[1]);
    const failed = (record, c) => (!answer(record, c) && !candidates[c].stopped) || answers(record, c).some((reply) => reply.error || reply.unscored);
    const atLimit = (record, c) => answers(record, c).some((reply) => reply.finish === "length");
    const seen = () => candidates.map((_, c) => c).filter((c) => !state.off.has(c));

    // -- which records, in which order --
    function searchable(record) {
      if (!record.search) {
        record.search = [...record.fields.map((entry) => raw(entry[1])), ...candidates.flatMap((_, c) => answers(record, c)).map((a) => `${raw(a.output)} ${raw(a.error)}`)].join("\n").toLowerCase();
      }
      return record.search;
    }
    const keeps = {
      all: () => true,
      failed: (record) => candidates.some((_, c) => failed(record, c)),
      limit: (record) => candidates.some((_, c) => atLimit(record, c)),
      ahead: (record) => gain(record) > 0,
      behind: (record) => gain(record) < 0,
    };
    function value(record) {
      if (state.key === "index") return record.index;
      return state.key === "difference" ? difference(record) : score(record, Number(state.key));
    }
    function chosen() {
      const query = state.query.toLowerCase().trim();
      const matches = records.filter((record) => keeps[state.only](record) && (!query || searchable(record).includes(query)));
      const sign = state.down ? -1 : 1;
      return matches.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (x === null || y === null) return (x === null) - (y === null) || a.index - b.index;
        return sign * (x - y) || a.index - b.index;
      });
    }

    // -- tools --
    const chip = (c) => el("button", {
      type: "button", class: `chip k${candidates[c].colour}`, "aria-pressed": "true",
      onclick: (event) => {
        if (state.off.has(c)) state.off.delete(c);
        else if (seen().length > 1) state.off.add(c);
        event.currentTarget.setAttribute("aria-pressed", String(!state.off.has(c)));
        drawHead();
        draw();
      },
    }, el("bdi", {}, candidates[c].name));
    const select = (label, options, now, change) => el("label", {}, el("span", { "aria-hidden": "true" }, label), el("select", {
      "aria-label": label,
      onchange: (event) => { change(event.target.value); state.page = 0; drawHead(); draw(); },
    }, options.map(([key, text]) => el("option", { value: key, selected: String(key) === String(now) }, text))));
    const names = candidates.map((candidate, c) => [c, candidate.name]);
    const onlySelect = select("Show", [["all", ""], ["failed", ""], ["limit", ""], ["ahead", ""], ["behind", ""]], "all", (key) => { state.only = key; });
    const search = el("input", {
      type: "search", placeholder: "Search all text", "aria-label": "Search in all text of the records",
      oninput: (event) => { state.query = event.target.value; state.page = 0; draw(); },
    });
    const tools = el("div", { class: "tools" },
      search,
      onlySelect,
      metrics.length > 1 && select("Metric", metrics.map((metric, m) => [m, metric.label]), 0, (m) => { state.metric = Number(m); }),
      pairs() && el("span", { class: "versus" },
        select("Compare", names, state.left, (c) => { state.left = Number(c); }),
        select("with", names, state.right, (c) => { state.right = Number(c); })),
      candidates.length > 1 && el("div", { class: "chips", role: "group", "aria-label": "Candidates shown" }, candidates.map((_, c) => chip(c))));

    // -- the table --
    const headRow = el("tr", {});
    const body = el("tbody", {});
    const table = el("table", { class: "answers" }, el("caption", { class: "hidden" }, `Records of ${head.dataset}`), el("thead", {}, headRow), body);
    const frame = el("div", { class: "frame" }, table);
    const strip = el("div", { class: "strip" });
    const status = el("span", { role: "status" });
    const turn = (by) => () => { state.page += by; draw(); frame.scrollIntoView({ block: "start" }); };
    const back = el("button", { type: "button", class: "ghost", onclick: turn(-1) }, "Previous");
    const next = el("button", { type: "button", class: "ghost", onclick: turn(1) }, "Next");
    home.append(tools, strip, frame, el("div", { class: "pager" }, status, back, next));

    const sorter = (key, label, down) => el("button", {
      type: "button", class: "sort",
      onclick: () => {
        state.down = state.key === String(key) ? !state.down : down;
        state.key = String(key);
        state.page = 0;
        markSort();
        draw();
      },
    }, label);
    function drawHead() {
      const texts = {
        all: `all records`, failed: "any failure or missing score", limit: "any answer cut at the token limit",
        ahead: pairs() && `${candidates[state.left].name} ${beats()} ${candidates[state.right].name}`,
        behind: pairs() && `${candidates[state.right].name} ${beats()} ${candidates[state.left].name}`,
      };
      for (const option of onlySelect.querySelectorAll("option")) {
        option.textContent = texts[option.value] || "";
        option.hidden = !texts[option.value];
      }
      headRow.replaceChildren(
        el("th", { scope: "col", class: "at", "data-key": "index" }, sorter("index", "#", false)),
        el("th", { scope: "col", class: "task" }, "Instruction"),
        el("th", { scope: "col", class: "reference" }, "Reference"),
        ...seen().map((c) => el("th", { scope: "col", class: `answer k${candidates[c].colour}`, "data-key": c },
          sorter(c, el("span", { class: "who" }, el("bdi", {}, candidates[c].name)), higher()),
          el("span", { class: "mean", "data-mean": c }))),
        ...(pairs() ? [el("th", { scope: "col", class: "num gap", "data-key": "difference" }, sorter("difference", "Difference", true))] : []));
      markSort();
    }
    function markSort() {
      for (const cell of headRow.querySelectorAll("[data-key]")) {
        cell.setAttribute("aria-sort", cell.dataset.key !== state.key ? "none" : state.down ? "descending" : "ascending");
      }
    }

    function draw() {
      const rows = chosen();
      const pages = Math.max(1, Math.ceil(rows.length / PAGE));
      state.page = Math.min(Math.max(0, state.page), pages - 1);
      const start = state.page * PAGE;
      const shown = rows.slice(start, start + PAGE);
      body.replaceChildren(...shown.flatMap((record) => (state.open.has(record.index) ? [row(record), detail(record)] : [row(record)])));
      if (!shown.length) body.append(el("tr", {}, el("td", { class: "nothing", colspan: headRow.children.length }, "No matching records. Clear the search or show all records.")));
      status.textContent = rows.length
        ? `Records ${start + 1}–${start + shown.length} of ${count(rows.length)}${rows.length < records.length ? ` found in ${count(records.length)}` : ""}`
        : `0 of ${count(records.length)} records`;
      back.disabled = state.page === 0;
      next.disabled = state.page >= pages - 1;
      back.hidden = next.hidden = pages === 1;
      for (const cell of headRow.querySelectorAll("[data-mean]")) {
        const scores = rows.map((record) => score(record, Number(cell.dataset.mean))).filter((s) => s !== null);
        cell.textContent = scores.length ? `mean ${number(scores.reduce((sum, s) => sum + s, 0) / scores.length)}` : "";
      }
      drawStrip(rows);
      fit();
    }

    function row(record) {
      const opened = state.open.has(record.index);
      const button = el("button", { type: "button", class: "unfold", "aria-expanded": String(opened), "aria-label": `Record ${record.index} in full` }, String(record.index));
      const scores = seen().map((c) => score(record, c)).filter((s) => s !== null);
      const top = scores.length > 1 && !neutral() ? (higher() ? Math.max(...scores) : Math.min(...scores)) : null;
      const element = el("tr", { class: "record", id: anchor + record.index },
        el("th", { scope: "row", class: "at" }, button),
        el("td", { class: "task", "data-label": "Instruction" }, clamp(task(record))),
        el("td", { class: "reference", "data-label": "Reference" }, clamp(field(record, "response"))),
        ...seen().map((c) => answerCell(record, c, top)),
        ...(pairs() ? [gapCell(record)] : []));
      element.addEventListener("click", (event) => {
        const isText = !event.target.closest("button") && String(getSelection()).length > 0;
        if (!isText) toggle(record, element, button);
      });
      return element;
    }
    function toggle(record, element, button) {
      const opens = !state.open.has(record.index);
      if (opens) {
        state.open.add(record.index);
        element.after(detail(record));
        history.replaceState(null, "", `#${anchor}${record.index}`);
      } else {
        state.open.delete(record.index);
        element.nextSibling.remove();
      }
      button.setAttribute("aria-expanded", String(opens));
      fit();
    }
    const clamp = (value) => el("div", { class: "clamp", dir: "auto" }, preview(value));
    const bar = (record, c) => {
      const all = spread();
      const width = score(record, c) === null || all[1] === all[0] ? 0 : (score(record, c) - all[0]) / (all[1] - all[0]);
      return svg("svg", { class: "bar-score", "aria-hidden": "true" }, svg("rect", { class: "rest", width: "100%", height: "100%" }), svg("rect", { class: "fill", width: `${100 * width}%`, height: "100%" }));
    };
    const spreads = new Map();
    function spread() {
      if (!spreads.has(state.metric)) {
        const scores = records.flatMap((record) => candidates.map((_, c) => score(record, c))).filter((s) => s !== null);
        spreads.set(state.metric, [scores.reduce((a, b) => Math.min(a, b), 0), scores.reduce((a, b) => Math.max(a, b), 0)]);
      }
      return spreads.get(state.metric);
    }
    function marks(replies) {
      if (!replies.length) return [el("span", { class: "tag" }, "not asked")];
      return [
        replies.some((reply) => reply.error) && el("span", { class: "tag bad" }, "failed"),
        replies.some((reply) => reply.unscored) && el("span", { class: "tag warn" }, "unscored"),
        replies.some((reply) => reply.finish === "length") && el("span", { class: "tag", title: "The answer reached max_new_tokens" }, "cut at limit"),
        replies.length > 1 && el("span", { class: "tag", title: "The score is the mean of all answers to this record; the text is the first one" }, `${replies.length} answers`),
      ].filter(Boolean);
    }
    function answerCell(record, c, top) {
      const reply = answer(record, c);
      const own = score(record, c);
      const others = metrics.map((metric, m) => [metric, score(record, c, m), m]).filter(([, s, m]) => m !== state.metric && s !== null);
      return el("td", { class: `answer k${candidates[c].colour}`, "data-label": candidates[c].name },
        el("div", { class: "line" },
          el("span", { class: own !== null && own === top ? "score top" : "score" }, number(own)), bar(record, c), marks(answers(record, c))),
        others.length > 0 && el("div", { class: "others" }, others.map(([metric, s]) => el("span", {}, `${metric.label} ${number(s)}`))),
        reply && reply.error ? el("div", { class: "clamp error", dir: "auto" }, preview(reply.error)) : clamp(reply ? reply.output : ""));
    }
    function gapCell(record) {
      const gap = difference(record);
      const kind = gap === null || gap === 0 ? "" : gain(record) > 0 ? "plus" : "minus";
      return el("td", { class: "num gap", "data-label": "Difference" }, el("span", { class: kind }, number(gap, true)));
    }

    // -- one record in full --
    function detail(record) {
      const grid = el("div", { class: "grid-out" });
      const redraw = () => grid.replaceChildren(referenceCard(record), ...seen().flatMap((c) => (answers(record, c).length ? answers(record, c) : [null]).map((reply, n, all) => card(record, c, reply, which(reply, n, all)))));
      redraw();
      const pick = el("select", { "aria-label": "Words shared with the reference", onchange: (event) => { state.words = event.target.value; redraw(); } },
        [["off", "not marked"], ["shared", "marked"]].map(([key, text]) => el("option", { value: key, selected: key === state.words }, text)));
      return el("tr", { class: "detail" }, el("td", { colspan: headRow.children.length }, el("div", { class: "inside" },
        el("div", { class: "fields" }, record.fields.filter(([name]) => name !== "response").map(([name, text]) => el("section", { class: "part" }, el("h4", {}, name), block(text)))),
        el("div", { class: "outs" }, el("h4", {}, "Answers"), el("label", {}, el("span", { "aria-hidden": "true" }, "Words shared with the reference:"), pick)),
        grid,
        promptsOf(record).map(([name, prompt]) => el("details", {}, el("summary", {}, el("span", { class: "quiet" }, "Prompt "), el("bdi", {}, name)), messages(prompt))))));
    }
    const block = (value) => el("div", { class: "block-text", dir: "auto", tabindex: raw(value).length > 1200 ? "0" : null }, raw(value) === "" ? el("span", { class: "quiet" }, "empty") : fullText(value));
    function referenceCard(record) {
      return el("article", { class: "card-out" }, el("header", {}, el("b", {}, "Reference")), block(field(record, "response")));
    }
    function which(reply, n, all) {
      if (all.length < 2) return "";
      const same = all.filter((other) => other.seed === reply.seed);
      const seed = reply.seed === undefined ? "" : `seed ${reply.seed}`;
      return same.length === 1 ? seed : `${seed}${seed && ", "}answer ${same.indexOf(reply) + 1} of ${same.length}`;
    }
    function card(record, c, reply, label) {
      const details = reply ? [time(reply.latency), reply.tokens && tokens(reply.tokens), reply.finish && `finish reason ${reply.finish}`].filter(Boolean).join(" · ") : "";
      const scores = reply ? metrics.map((metric, m) => [metric, reply.scores[m]]).filter(([, s]) => s !== null) : [];
      return el("article", { class: `card-out k${candidates[c].colour}` },
        el("header", {}, el("span", { class: "who" }, el("bdi", {}, candidates[c].name)), label && el("span", { class: "tag" }, label), marks(reply ? [reply] : [])),
        el("dl", { class: "marks" }, scores.map(([metric, s]) => el("div", {}, el("dt", {}, metric.label), el("dd", {}, number(s))))),
        reply && reply.error && el("p", { class: "error", dir: "auto" }, fullText(reply.error)),
        reply && reply.unscored && Object.entries(reply.unscored).map(([name, text]) => el("p", { class: "error", dir: "auto" }, `${name}: `, fullText(text))),
        reply && raw(reply.output) !== "" ? compared(record, reply) : reply && !reply.error && el("p", { class: "quiet" }, "empty answer"),
        reply && reply.notes && el("details", { class: "beside" }, el("summary", {}, reply.notes.length === 1 ? reply.notes[0][0] : `${reply.notes.length} notes of evaluators`),
          reply.notes.map(([name, text]) => el("section", { class: "part" }, el("h4", {}, name), block(text)))),
        details && el("p", { class: "foot" }, details));
    }
    const tokens = ([asked, wrote]) => [asked !== null && `${count(asked)} tokens in`, wrote !== null && `${count(wrote)} out`].filter(Boolean).join(", ");
    function compared(record, reply) {
      const reference = raw(field(record, "response"));
      const comparison = state.words === "off" || !reference ? null : words.compare(visible(raw(reply.output)), visible(reference));
      if (state.words === "off" || !reference) return block(reply.output);
      if (!comparison) return el("div", {}, el("p", { class: "foot" }, "Too long to compare word by word."), block(reply.output));
      const pieces = comparison.pieces.map((piece) => (piece.shared ? el("mark", {}, piece.text) : piece.text));
      return el("div", {},
        el("div", { class: "block-text", dir: "auto" }, pieces),
        el("p", { class: "foot" }, `${comparison.shared} of the ${comparison.other} words of the reference, in the same order; ${comparison.own} words in the answer`));
    }
    function promptsOf(record) {
      const own = seen().filter((c) => answer(record, c) && answer(record, c).prompt !== undefined).map((c) => [candidates[c].name, answer(record, c).prompt]);
      return [...Object.entries(record.prompts), ...own];
    }
    function messages(prompt) {
      if (!Array.isArray(prompt)) return block(prompt);
      return el("div", { class: "chat" }, prompt.map(([role, content]) => el("section", { class: "part" }, el("h4", {}, role), block(content))));
    }

    // -- the differences of all records --
    function drawStrip(rows) {
      const gaps = pairs() ? rows.map((record) => [record, difference(record)]).filter(([, gap]) => gap !== null).sort((a, b) => b[1] - a[1]) : [];
      strip.hidden = gaps.length < 2;
      if (strip.hidden) return;
      const [high, low] = [Math.max(gaps[0][1], 0), Math.min(gaps[gaps.length - 1][1], 0)];
      const tall = high - low || 1;
      const zero = (100 * high) / tall;
      const [left, right] = [candidates[state.left], candidates[state.right]];
      const bars = gaps.map(([record, gap], place) => {
        const size = (100 * Math.abs(gap)) / tall;
        const title = svg("title", {}, `${number(gap, true)} on record ${record.index}`);
        const shape = { x: `${(100 * place) / gaps.length}%`, width: `${Math.max(0.05, 100 / gaps.length - (gaps.length > 120 ? 0.02 : 0.35))}%` };
        const element = svg("g", { class: gap === 0 ? "even" : `k${(gap > 0) === higher() ? left.colour : right.colour}` },
          svg("rect", { ...shape, class: "reach", y: "0", height: "100%" }, title),
          svg("rect", { ...shape, class: "bar-gap", y: `${gap > 0 ? zero - size : zero}%`, height: `${Math.max(size, 0.8)}%` }));
        element.addEventListener("click", () => go(record.index));
        return element;
      });
      const ahead = gaps.filter(([record]) => gain(record) > 0).length;
      const behind = gaps.filter(([record]) => gain(record) < 0).length;
      strip.replaceChildren(
        el("p", {}, el("b", {}, `${metrics[state.metric].label}: `), el("bdi", {}, left.name), ` minus `, el("bdi", {}, right.name),
          `, record by record. `, el("span", { class: "quiet" }, `${neutral() ? "More" : "Better"} on ${ahead}, ${neutral() ? "less" : "worse"} on ${behind}, equal on ${gaps.length - ahead - behind}. A bar opens its record.`)),
        el("div", { class: "bars" }, svg("svg", { "aria-hidden": "true" }, ...bars, svg("line", { class: "zero", x1: "0", x2: "100%", y1: `${zero}%`, y2: `${zero}%` })),
          el("span", { class: "most" }, number(high, true)), el("span", { class: "least" }, number(low, true))));
    }

    // -- going to a record --
    function go(index) {
      const find = () => chosen().findIndex((record) => record.index === index);
      if (find() < 0) {
        state.query = search.value = "";
        state.only = onlySelect.querySelector("select").value = "all";
      }
      const place = find();
      if (place < 0) return;
      state.page = Math.floor(place / PAGE);
      state.open.add(index);
      draw();
      history.replaceState(null, "", `#${anchor}${index}`);
      document.getElementById(anchor + index).scrollIntoView({ block: "start" });
      document.getElementById(anchor + index).querySelector("button").focus({ preventScroll: true });
    }
    function fromAddress() {
      const asked = location.hash.slice(1);
      if (asked.startsWith(anchor)) go(Number(asked.slice(anchor.length)));
    }

    // The heading can stick to the top of the window only if the frame does not scroll sideways.
    const fit = () => {
      frame.classList.remove("wide");
      frame.classList.toggle("wide", table.scrollWidth > frame.clientWidth + 1);
      fade();
    };
    const fade = () => frame.classList.toggle("more", frame.scrollWidth - frame.clientWidth - frame.scrollLeft > 1);
    frame.addEventListener("scroll", fade, { passive: true });
    addEventListener("resize", fit);
    addEventListener("hashchange", fromAddress);
    drawHead();
    draw();
    fromAddress();
  }
})();
