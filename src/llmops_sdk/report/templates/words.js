"use strict";
// Compares two texts by words: which words of one are in the other, in the same order (longest common subsequence).
const words = (() => {
  const MOST_CELLS = 16e6; // the size of the table below: two texts of about 4,000 words, 32 MB

  const segmenter = typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "word" }) : null;

  // Splits a text into pieces; `key` is what is compared of a piece, and empty for one that is not: a space, and unless
  // `exact` whatever is no word. Unless `exact`, the case of letters makes no difference.
  function split(text, exact) {
    const keyOf = (part, isWord) => (exact ? part.trim() : isWord ? part.toLowerCase() : "");
    if (segmenter) return [...segmenter.segment(text)].map((part) => ({ text: part.segment, key: keyOf(part.segment, part.isWordLike) }));
    const parts = text.match(/[\p{L}\p{N}]+|\s+|[^\p{L}\p{N}\s]/gu) || [];
    return parts.map((part) => ({ text: part, key: keyOf(part, /[\p{L}\p{N}]/u.test(part)) }));
  }

  // Returns which words are common, as two arrays of booleans, or null if the texts are too long.
  function common(a, b) {
    const inA = new Array(a.length).fill(false);
    const inB = new Array(b.length).fill(false);
    let start = 0;
    while (start < a.length && start < b.length && a[start] === b[start]) {
      inA[start] = true;
      inB[start] = true;
      start += 1;
    }
    let cut = 0;
    while (cut < a.length - start && cut < b.length - start && a[a.length - 1 - cut] === b[b.length - 1 - cut]) {
      inA[a.length - 1 - cut] = true;
      inB[b.length - 1 - cut] = true;
      cut += 1;
    }
    const rows = a.length - start - cut;
    const columns = b.length - start - cut;
    if ((rows + 1) * (columns + 1) > MOST_CELLS) return null;
    const width = columns + 1;
    const longest = new Uint16Array((rows + 1) * width);
    for (let i = rows - 1; i >= 0; i -= 1) {
      for (let j = columns - 1; j >= 0; j -= 1) {
        const here = i * width + j;
        longest[here] = a[start + i] === b[start + j]
          ? longest[here + width + 1] + 1
          : Math.max(longest[here + width], longest[here + 1]);
      }
    }
    let i = 0;
    let j = 0;
    while (i < rows && j < columns) {
      const here = i * width + j;
      if (a[start + i] === b[start + j]) {
        inA[start + i] = true;
        inB[start + j] = true;
        i += 1;
        j += 1;
      } else if (longest[here + width] >= longest[here + 1]) i += 1;
      else j += 1;
    }
    return [inA, inB];
  }

  // Returns the pieces of `text`, with `shared` set on the words that `reference` has too, and the number of such words.
  function compare(text, reference, { exact = false } = {}) {
    const pieces = split(text, exact);
    const own = pieces.filter((piece) => piece.key);
    const other = split(reference, exact).filter((piece) => piece.key);
    const shared = common(own.map((piece) => piece.key), other.map((piece) => piece.key));
    if (!shared) return null;
    own.forEach((piece, place) => { piece.shared = shared[0][place]; });
    // The space between two shared words is shared too: a phrase is one mark.
    pieces.forEach((piece, place) => {
      if (!piece.key && place && place < pieces.length - 1) piece.shared = pieces[place - 1].shared && pieces[place + 1].shared;
    });
    return { pieces, shared: shared[0].filter(Boolean).length, own: own.length, other: other.length };
  }

  // Joins pieces that are not shared, with the spaces between them, so that a phrase is one mark; other spaces are not marked.
  function phrases(pieces) {
    const joined = [];
    pieces.forEach((piece, place) => {
      const [before, after] = [pieces[place - 1], pieces[place + 1]];
      const isInside = !piece.key && before && after && before.key && after.key && !before.shared && !after.shared;
      const shared = piece.key ? piece.shared : !isInside;
      const end = joined[joined.length - 1];
      if (end && end.shared === shared) end.text += piece.text;
      else joined.push({ text: piece.text, shared });
    });
    return joined;
  }

  return { compare, phrases };
})();
