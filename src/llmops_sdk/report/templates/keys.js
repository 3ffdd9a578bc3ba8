"use strict";
// The keyboard: one key for each step through the records, and a dialog that lists them. Keys can be turned off.
const keyboard = (() => {
  const { el } = dom;
  const KEPT = "llmops-report-keys";
  const KEYS = [
    ["j", "next record", (board) => board.move(place(board), 1)],
    ["k", "previous record", (board) => board.move(place(board), -1)],
    ["Enter", "open or close the record", null],
    ["J", "close the record and open the next one", (board) => board.step(place(board), 1)],
    ["K", "close the record and open the previous one", (board) => board.step(place(board), -1)],
    ["n", "next page", (board) => board.turn(1)],
    ["p", "previous page", (board) => board.turn(-1)],
    ["/", "search", (board) => focus(board.search)],
    ["g", "go to a record by its number", (board) => focus(board.number)],
    ["d", "mark the differences of the two that are compared", (board) => board.mark()],
    ["s", "swap the two that are compared", (board) => board.swap()],
    ["Esc", "leave a field", null],
    ["?", "this list", () => open()],
  ];

  let isOn = true;
  try {
    isOn = localStorage.getItem(KEPT) !== "off";
  } catch (error) {
    // A file opened from disk may have no storage: keys are on.
  }

  const toggle = el("input", { type: "checkbox", onchange: () => {
    isOn = toggle.checked;
    try {
      localStorage.setItem(KEPT, isOn ? "on" : "off");
    } catch (error) {
      // Without storage the choice lasts until the page is closed.
    }
  } });
  const dialog = el("dialog", { class: "keys", "aria-labelledby": "keys-title" },
    el("h2", { id: "keys-title" }, "Keys"),
    el("dl", {}, KEYS.map(([key, text]) => el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, text)))),
    el("div", { class: "keys-foot" }, el("label", {}, toggle, " Keys are on"), el("button", { type: "button", class: "ghost", onclick: () => dialog.close() }, "Close")));
  document.body.append(dialog);

  function open() {
    toggle.checked = isOn;
    dialog.showModal();
  }
  function focus(element) {
    element.scrollIntoView({ block: "center" });
    element.focus();
    element.select();
  }

  // The board that the keys act on: the one with the focus, else the first that reaches into the window.
  function active() {
    const own = boards.find((board) => board.home.contains(document.activeElement));
    const inside = boards.filter((board) => board.home.getBoundingClientRect().bottom > 80);
    inside.sort((a, b) => a.home.getBoundingClientRect().top - b.home.getBoundingClientRect().top);
    return own || inside[0] || boards[0];
  }
  const place = (board) => {
    const row = document.activeElement.closest("tr.record, tr.detail");
    const record = row && (row.matches(".detail") ? row.previousSibling : row);
    if (record && board.home.contains(record)) record.querySelector("button").focus({ preventScroll: true });
    return board.state.current;
  };

  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, dialog");
    if (event.key === "Escape" && field && !field.matches("dialog")) field.blur();
    if (!isOn || field || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const known = KEYS.find(([key, , act]) => key === event.key && act);
    const board = known && active();
    if (!board) return;
    event.preventDefault();
    known[2](board);
  });

  return { open };
})();
