"use strict";
// The records as the file holds them: an index of numbers, and chunks of texts that are inflated when they are needed.
const chunks = (() => {
  const KEPT = 16; // chunks in memory, of about 128 kB each
  const AT_ONCE = 4; // chunks that a search inflates at the same time

  const isKnown = typeof DecompressionStream === "function";
  const parsed = new Promise((resolve) => {
    if (document.readyState !== "loading") resolve();
    else addEventListener("DOMContentLoaded", resolve, { once: true });
  });

  // Returns the text of a script element; a browser may still be reading the file.
  async function textOf(id) {
    const found = document.getElementById(id);
    if (!found || !found.nextSibling) await parsed;
    return document.getElementById(id).textContent;
  }
  async function inflated(id) {
    const binary = atob(await textOf(id));
    const bytes = new Uint8Array(binary.length);
    for (let place = 0; place < binary.length; place += 1) bytes[place] = binary.charCodeAt(place);
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  // Returns a column of numbers, NaN where there is none.
  const column = (values, Kind) => Kind.from(values, (value) => (value === null ? NaN : value));

  async function open(id) {
    const head = JSON.parse(await inflated(id));
    const numbers = head.numbers.map((own) => ({
      scores: own.scores.map((scores) => column(scores, Float64Array)),
      marks: Uint8Array.from(own.marks),
      characters: column(own.characters, Float64Array),
      tokens: column(own.tokens, Float64Array),
      latency: column(own.latency, Float64Array),
    }));
    const indexes = Int32Array.from(head.indexes);
    const starts = Int32Array.from(head.starts);
    const { dataset, best, metrics, candidates } = head;
    const kept = new Map();

    function chunk(n) {
      const known = kept.get(n);
      kept.delete(n);
      const found = known || inflated(`${id}-${n}`).then(JSON.parse);
      kept.set(n, found);
      if (kept.size > KEPT) kept.delete(kept.keys().next().value);
      return found;
    }
    const chunkOf = (place) => last(starts, (start) => start <= place);
    async function record(place) {
      const n = chunkOf(place);
      const { forms, records } = await chunk(n);
      return { ...records[place - starts[n]], place, index: indexes[place], forms };
    }
    // Returns the place of a record by its index, or -1.
    function placeOf(index) {
      const place = last(indexes, (known) => known <= index);
      return place >= 0 && indexes[place] === index ? place : -1;
    }

    // Marks the records that have a text: 1 for each that has it. Calls `progress` with the share that was read, and
    // returns null once `isStopped` is true.
    async function search(query, progress, isStopped) {
      const found = new Uint8Array(indexes.length);
      const isPlain = !/["\\\x00-\x1f\ud800-\udfff]/.test(query); // JSON writes it as it is
      async function look(n) {
        const text = await inflated(`${id}-${n}`);
        if (isPlain && !text.toLowerCase().includes(query)) return;
        JSON.parse(text).records.forEach((one, place) => {
          if (texts(one).some((own) => own.toLowerCase().includes(query))) found[starts[n] + place] = 1;
        });
      }
      for (let n = 0; n < starts.length; n += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, starts.length - n) }, (_, next) => look(n + next)));
        if (isStopped()) return null;
        progress((n + AT_ONCE) / starts.length);
      }
      return found;
    }
    return { dataset, best, metrics, candidates, numbers, indexes, record, placeOf, search };
  }

  // Returns the last place whose value passes, in an ascending array; -1 if there is none.
  function last(values, passes) {
    let [low, high] = [0, values.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (passes(values[middle])) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // All texts of a record but its prompts, which repeat its fields.
  function texts(record) {
    const replies = record.answers.filter(Boolean).flatMap((reply) => [reply, ...(reply.repeats || [])]);
    const found = [...record.fields.map((field) => field[1])];
    for (const reply of replies) {
      found.push(reply.output, reply.error, ...Object.values(reply.unscored || {}), ...(reply.notes || []).map((note) => note[1]));
    }
    return found.map(dom.raw);
  }

  // Returns the text of a prompt, with the record's fields in their places.
  function promptText(value, record) {
    if (value === null || typeof value !== "object" || value.form === undefined) return value;
    const field = (name) => dom.raw((record.fields.find((entry) => entry[0] === name) || ["", ""])[1]);
    return record.forms[value.form].map((part) => (typeof part === "string" ? part : field(part[0]))).join("");
  }

  return { isKnown, open, promptText };
})();
