"use strict";
// The differences between two candidates over all records, in order; many records share a bar.
const differenceStrip = (() => {
  const { el, svg, number, count } = dom;
  const MOST_BARS = 240;

  // Draws the strip into an element, which is hidden where there are fewer than two differences.
  function draw(strip, board, rows) {
    const { state, candidates, metrics } = board;
    const gaps = board.isCompared() ? rows.map((place) => [place, board.difference(place)]).filter(([, gap]) => gap !== null).sort((a, b) => b[1] - a[1]) : [];
    strip.hidden = gaps.length < 2;
    if (board.hasPair() && metrics.length && !board.isCompared()) {
      strip.hidden = false;
      strip.replaceChildren(el("p", { class: "quiet" }, el("bdi", {}, candidates[state.left].name), " and ", el("bdi", {}, candidates[state.right].name), ` are not compared in ${metrics[state.metric].label}: their runs grade it in different ways.`));
      return;
    }
    if (strip.hidden) return;
    const groups = grouped(gaps);
    const [high, low] = [Math.max(groups[0].gap, 0), Math.min(groups[groups.length - 1].gap, 0)];
    const tall = high - low || 1;
    const zero = (100 * high) / tall;
    const [left, right] = [candidates[state.left], candidates[state.right]];
    const width = 100 / groups.length;
    const bars = groups.map((group, at) => {
      const size = (100 * Math.abs(group.gap)) / tall;
      const title = svg("title", {}, group.size === 1 ? `${number(group.gap, true)} on record ${board.indexes[group.place]}` : `${number(group.gap, true)} on average over ${group.size} records`);
      const shape = { x: `${width * at}%`, width: `${Math.max(0.05, width - (groups.length > 120 ? 0.02 : 0.35))}%` };
      const element = svg("g", { class: group.gap === 0 ? "even" : `k${(group.gap > 0) === board.higher() ? left.colour : right.colour}` },
        svg("rect", { ...shape, class: "reach", y: "0", height: "100%" }, title),
        svg("rect", { ...shape, class: "bar-gap", y: `${group.gap > 0 ? zero - size : zero}%`, height: `${Math.max(size, 0.8)}%` }));
      element.addEventListener("click", () => board.go(board.indexes[group.place]));
      return element;
    });
    const ahead = gaps.filter(([place]) => board.gain(place) > 0).length;
    const behind = gaps.filter(([place]) => board.gain(place) < 0).length;
    const isNeutral = board.neutral();
    const opens = groups.length < gaps.length ? `A bar is the mean of ${groups[0].size} records, and opens one of them.` : "A bar opens its record.";
    const isFlat = high === 0 && low === 0;
    strip.replaceChildren(...[
      el("p", {}, el("b", {}, `${metrics[state.metric].label}: `), el("bdi", {}, left.name), " minus ", el("bdi", {}, right.name), ", record by record. ",
        el("span", { class: "quiet" }, `${isNeutral ? "More" : "Better"} on ${count(ahead)}, ${isNeutral ? "less" : "worse"} on ${count(behind)}, equal on ${count(gaps.length - ahead - behind)}. ${isFlat ? "" : opens}`)),
      !isFlat && el("div", { class: "bars" }, svg("svg", { "aria-hidden": "true" }, ...bars, svg("line", { class: "zero", x1: "0", x2: "100%", y1: `${zero}%`, y2: `${zero}%` })),
        el("span", { class: "most" }, number(high, true)), el("span", { class: "least" }, number(low, true))),
    ].filter(Boolean));
  }

  // Returns the bars: the mean of as many neighbours as it takes, and the record in their middle.
  function grouped(gaps) {
    const size = Math.ceil(gaps.length / MOST_BARS);
    return Array.from({ length: Math.ceil(gaps.length / size) }, (_, at) => {
      const own = gaps.slice(at * size, (at + 1) * size);
      const gap = own.reduce((sum, [, one]) => sum + one, 0) / own.length;
      return { gap, size: own.length, place: own[own.length >> 1][0] };
    });
  }

  return { draw };
})();
