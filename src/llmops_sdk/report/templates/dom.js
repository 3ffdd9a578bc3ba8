"use strict";
// Elements, texts and numbers. Text from models and datasets is only ever set as text, never as HTML.
const dom = (() => {
  const PREVIEW = 500;

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
  const cutNote = (value) => isCut(value) && el("span", { class: "cut" }, `The first ${count(value.cut.length)} of ${count(value.of)} characters. The run's samples have the full text.`);
  const fullText = (value) => [visible(raw(value)), cutNote(value)].filter(Boolean);
  const block = (value) => el("div", { class: "block-text", dir: "auto", tabindex: raw(value).length > 1200 ? "0" : null }, raw(value) === "" ? el("span", { class: "quiet" }, "empty") : fullText(value));
  const clamp = (value) => el("div", { class: "clamp", dir: "auto" }, preview(value));

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
  const tokens = ([asked, wrote]) => [asked !== null && `${count(asked)} tokens in`, wrote !== null && `${count(wrote)} out`].filter(Boolean).join(", ");

  return { el, svg, visible, raw, preview, fullText, cutNote, block, clamp, count, number, time, tokens };
})();
