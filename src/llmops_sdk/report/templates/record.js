"use strict";
// One record in full: its fields, every answer, its prompts, and two answers side by side with their differences marked.
const inFull = (() => {
  const { el, visible, raw, fullText, cutNote, block, number, time, tokens } = dom;

  const marksOf = (replies) => [
    replies.some((reply) => reply.error) && el("span", { class: "tag bad" }, "failed"),
    replies.some((reply) => reply.unscored) && el("span", { class: "tag warn" }, "unscored"),
    replies.some((reply) => reply.finish === "length") && el("span", { class: "tag", title: "The answer reached max_new_tokens" }, "cut at limit"),
    replies.length > 1 && el("span", { class: "tag", title: "The score is the mean of all answers to this record; the text is the first one" }, `${replies.length} answers`),
  ].filter(Boolean);

  function marks(board, record, c) {
    const replies = board.answers(record, c);
    if (replies.length) return marksOf(replies);
    const { damaged, run, stopped } = board.candidates[c];
    return [el("span", { class: "tag" }, damaged ? "not readable" : run && !stopped ? `not in run ${run}` : "not asked")];
  }

  // Returns the element of an open record.
  function open(board, record) {
    const { state, candidates, metrics } = board;
    const grid = el("div", {});
    const reference = raw(board.field(record, "response"));
    const modes = [
      ["off", "nothing"],
      ["shared", "words of the reference"],
      board.hasPair() && ["between", "differences of the two"],
    ].filter(Boolean);
    const pick = el("select", { "aria-label": "Mark in the answers", onchange: (event) => { state.words = event.target.value; redraw(); } },
      modes.map(([key, text]) => el("option", { value: key }, text)));
    function redraw() {
      const mode = modes.some(([key]) => key === state.words) ? state.words : "off";
      pick.value = mode;
      const rest = board.seen().filter((c) => mode !== "between" || (c !== state.left && c !== state.right));
      const cards = rest.flatMap((c) => cardsOf(c, mode));
      grid.replaceChildren(...[
        mode === "between" && el("div", { class: "grid-out two" }, sideBySide()),
        el("div", { class: "grid-out" }, referenceCard(), cards),
      ].filter(Boolean));
    }

    function referenceCard() {
      return el("article", { class: "card-out" }, el("header", {}, el("b", {}, "Reference")), block(board.field(record, "response")));
    }
    function cardsOf(c, mode) {
      const replies = board.answers(record, c);
      return (replies.length ? replies : [null]).map((reply, n) => card(c, reply, which(replies, n), reply && mode === "shared" ? sharedWords(reply) : null));
    }
    // What tells several answers of one candidate apart.
    function which(replies, n) {
      if (replies.length < 2) return "";
      const same = replies.filter((other) => other.seed === replies[n].seed);
      const seed = replies[n].seed === undefined ? "" : `seed ${replies[n].seed}`;
      return same.length === 1 ? seed : `${seed}${seed && ", "}answer ${same.indexOf(replies[n]) + 1} of ${same.length}`;
    }
    function card(c, reply, label, marked) {
      const own = reply && (reply.scores || metrics.map((_, m) => board.score(record.place, c, m)));
      const scores = own ? metrics.map((metric, m) => [metric, own[m]]).filter(([, s]) => s !== null) : [];
      const details = reply ? [time(reply.latency), reply.tokens && tokens(reply.tokens), reply.finish && `finish reason ${reply.finish}`].filter(Boolean).join(" · ") : "";
      return el("article", { class: `card-out k${candidates[c].colour}` },
        el("header", {}, el("span", { class: "who" }, el("bdi", {}, candidates[c].name)), label && el("span", { class: "tag" }, label), reply ? marksOf([reply]) : marks(board, record, c)),
        el("dl", { class: "marks" }, scores.map(([metric, s]) => el("div", {}, el("dt", {}, metric.label), el("dd", {}, number(s))))),
        reply && reply.error && el("p", { class: "error", dir: "auto" }, fullText(reply.error)),
        reply && reply.unscored && Object.entries(reply.unscored).map(([name, text]) => el("p", { class: "error", dir: "auto" }, `${name}: `, fullText(text))),
        reply && raw(reply.output) !== "" ? marked || block(reply.output) : reply && !reply.error && el("p", { class: "quiet" }, reply.textless ? "scores only, without the text" : "empty answer"),
        reply && reply.notes && el("details", { class: "beside" }, el("summary", {}, reply.notes.length === 1 ? reply.notes[0][0] : `${reply.notes.length} notes of evaluators`),
          reply.notes.map(([name, text]) => el("section", { class: "part" }, el("h4", {}, name), block(text)))),
        reply && reply.retrieved && el("details", { class: "beside" }, el("summary", {}, `Retrieved: ${reply.retrieved.length} ${reply.retrieved.length === 1 ? "text" : "texts"} in the prompt`),
          reply.retrieved.map(([name, text]) => el("section", { class: "part" }, el("h4", {}, name), block(text)))),
        details && el("p", { class: "foot" }, details));
    }

    const tooLong = (value) => el("div", {}, el("p", { class: "foot" }, "Too long to compare word by word."), block(value));
    function sharedWords(reply) {
      if (!reference) return null;
      const found = words.compare(visible(raw(reply.output)), visible(reference));
      if (!found) return tooLong(reply.output);
      return el("div", {},
        el("div", { class: "block-text", dir: "auto" }, found.pieces.map((piece) => (piece.shared ? el("mark", {}, piece.text) : piece.text)), cutNote(reply.output)),
        el("p", { class: "foot" }, `${found.shared} of the ${found.other} words of the reference, in the same order; ${found.own} words in the answer`));
    }

    // The first answers of the two candidates that are compared, what only one of them has marked in it.
    function sideBySide() {
      const pair = [state.left, state.right];
      const replies = pair.map((c) => board.answers(record, c));
      const texts = replies.map((own) => (own.length ? visible(raw(own[0].output)) : ""));
      const isBoth = texts.every((text) => text !== "");
      return pair.map((c, place) => {
        const own = replies[place];
        const marked = isBoth ? differences(own[0].output, texts[place], texts[1 - place], candidates[pair[1 - place]].name) : null;
        return card(c, own[0] || null, which(own, 0), marked);
      });
    }
    function differences(value, text, other, name) {
      const found = words.compare(text, other, { exact: true });
      if (!found) return tooLong(value);
      const only = found.own - found.shared;
      const note = text === other ? "The two answers are the same."
        : only === 0 && found.other === found.shared ? "The same words; the two answers differ in spaces or line breaks."
        : only === 0 ? `All ${found.own} words and signs are in that of ${name} too.`
        : `${only} of ${found.own} words and signs are not in that of ${name}, or in another order.`;
      const pieces = words.phrases(found.pieces).map((piece) => (piece.shared ? piece.text : el("mark", { class: "only" }, piece.text)));
      return el("div", {}, el("div", { class: "block-text", dir: "auto" }, pieces, cutNote(value)), el("p", { class: "foot" }, note));
    }

    function prompts() {
      const own = board.seen().filter((c) => record.answers[c] && record.answers[c].prompt !== undefined).map((c) => [candidates[c].name, record.answers[c].prompt]);
      return [...Object.entries(record.prompts), ...own];
    }
    function messages(prompt) {
      if (!Array.isArray(prompt)) return block(chunks.promptText(prompt, record));
      return el("div", { class: "chat" }, prompt.map(([role, content]) => el("section", { class: "part" }, el("h4", {}, role), block(chunks.promptText(content, record)))));
    }

    redraw();
    const step = (by, label) => el("button", { type: "button", class: "ghost", onclick: () => board.step(record.place, by) }, label);
    const link = el("button", { type: "button", class: "ghost", onclick: async () => {
      const isCopied = await copyText(board.address(record));
      link.textContent = isCopied ? "Copied" : "The link is in the address bar";
      setTimeout(() => { link.textContent = "Copy link"; }, 1500);
    } }, "Copy link");
    const element = el("div", { class: "inside" },
      el("div", { class: "outs first" }, el("h4", {}, `Record ${record.index}`), el("span", { class: "steps-out" }, link, step(-1, "Previous record"), step(1, "Next record"))),
      el("div", { class: "fields" }, record.fields.filter(([name]) => name !== "response").map(([name, text]) => el("section", { class: "part" }, el("h4", {}, name), block(text)))),
      el("div", { class: "outs" }, el("h4", {}, "Answers"), el("label", {}, el("span", { "aria-hidden": "true" }, "Mark:"), pick)),
      grid,
      prompts().map(([name, prompt]) => el("details", {}, el("summary", {}, el("span", { class: "quiet" }, "Prompt "), el("bdi", {}, name)), messages(prompt))));
    return { element, redraw };
  }

  async function copyText(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch (error) {
      return false; // a page from disk may have no clipboard
    }
  }

  return { open, marks };
})();
