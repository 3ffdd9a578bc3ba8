"use strict";
// Which records a table shows, and in which order, by their numbers alone.
const selection = (() => {
  const { count, time } = dom;
  const LONGEST = 0.05; // the share of the records that "longest" keeps
  const [FAILED, UNSCORED, AT_LIMIT, WITHOUT] = [1, 2, 4, 8]; // the marks of an answer

  function make({ candidates, metrics, numbers, indexes }, state) {
    const everyPlace = Array.from(indexes, (_, place) => place);

    // -- numbers of a record --
    const orNull = (value) => (Number.isNaN(value) ? null : value);
    const score = (place, c, m = state.metric) => (metrics.length ? orNull(numbers[c].scores[m][place]) : null);
    const higher = () => !metrics.length || metrics[state.metric].higher !== false;
    const neutral = () => metrics.length > 0 && metrics[state.metric].higher === null;
    const seen = () => candidates.map((_, c) => c).filter((c) => !state.off.has(c));

    // -- the two that are compared --
    const hasPair = () => state.right >= 0;
    const grader = (c) => (candidates[c].graders ? candidates[c].graders[state.metric] : 0);
    const isCompared = () => hasPair() && metrics.length > 0 && grader(state.left) === grader(state.right);
    function difference(place) {
      if (!isCompared()) return null;
      const [a, b] = [score(place, state.left), score(place, state.right)];
      return a === null || b === null ? null : a - b;
    }
    function gain(place) {
      const gap = difference(place);
      return gap === null ? null : (higher() ? 1 : -1) * gap;
    }

    // -- filters --
    const has = (place, c, mark) => (numbers[c].marks[place] & mark) !== 0;
    const failed = (place, c) => has(place, c, FAILED | UNSCORED) || (has(place, c, WITHOUT) && !candidates[c].stopped && !candidates[c].run);
    const measures = { characters: (n) => `${count(n)} characters`, tokens: (n) => `${count(n)} tokens`, latency: time };
    const isMeasure = () => state.only in measures;
    const sizeOf = (place, c) => (isMeasure() ? orNull(numbers[c][state.only][place]) : null);
    // The longest answer to a record among the candidates that are shown.
    const longest = (place) => seen().reduce((most, c) => Math.max(most, sizeOf(place, c) ?? -1), -1);
    const keeps = {
      all: () => true,
      behind: (place) => gain(place) < 0,
      ahead: (place) => gain(place) > 0,
      even: (place) => gain(place) === 0,
      failed: (place) => candidates.some((_, c) => failed(place, c)),
      limit: (place) => candidates.some((_, c) => has(place, c, AT_LIMIT)),
    };
    const filters = [...Object.keys(keeps), ...Object.keys(measures).filter((measure) => numbers.some((own) => own[measure].some((value) => value > 0)))];
    function filter() {
      if (!isMeasure()) return keeps[state.only];
      const sorted = Float64Array.from(everyPlace, longest).sort();
      const least = sorted[sorted.length - Math.ceil(LONGEST * sorted.length)];
      return (place) => longest(place) >= least;
    }

    // -- order --
    // Whether the order is that of the filter "longest", until a heading is pressed.
    const isBySize = () => state.key === "index" && isMeasure() && !state.isSorted;
    function order() {
      if (state.key === "difference") return { value: difference, sign: state.down ? -1 : 1 };
      if (state.key !== "index") return { value: (place) => score(place, Number(state.key)), sign: state.down ? -1 : 1 };
      if (isBySize()) return { value: longest, sign: -1 };
      return { value: (place) => place, sign: state.down ? -1 : 1 };
    }
    // Returns the places of the records that are shown.
    function chosen() {
      const keep = filter();
      const { value, sign } = order();
      const matches = everyPlace.filter((place) => (!state.found || state.found[place]) && keep(place)).map((place) => [value(place), place]);
      matches.sort(([x, a], [y, b]) => {
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return sign * (x - y) || a - b;
      });
      return matches.map(([, place]) => place);
    }

    return { score, higher, neutral, seen, hasPair, isCompared, difference, gain, measures, sizeOf, isBySize, filters, chosen };
  }

  return { make };
})();
