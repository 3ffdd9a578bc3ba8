"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const element = (id) => document.getElementById(id);
  const key = "grades-" + (data.rows[0] ? data.rows[0].id : "") + "-" + data.rows.length;
  let grades = {};
  try { grades = JSON.parse(localStorage.getItem(key)) || {}; } catch { grades = {}; }
  let place = 0;
  const whole = Number.isInteger(data.low) && Number.isInteger(data.high) && data.high - data.low <= 10;
  const buttons = [];
  for (let grade = data.low; whole && grade <= data.high; grade += 1) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = String(grade);
    button.addEventListener("click", () => { set(grade); move(1); });
    element("buttons").append(button);
    buttons.push([grade, button]);
  }
  function keep() { try { localStorage.setItem(key, JSON.stringify(grades)); } catch { /* the page still works */ } }
  function set(grade) {
    const id = data.rows[place].id;
    if (grade === null) delete grades[id];
    else if (Number.isFinite(grade) && grade >= data.low && grade <= data.high) grades[id] = grade;
    keep();
    draw();
  }
  function move(by) {
    place = Math.min(Math.max(place + by, 0), data.rows.length - 1);
    draw();
  }
  function draw() {
    const row = data.rows[place];
    for (const name of ["question", "reference", "answer"]) element(name).textContent = row[name];
    element("with-reference").hidden = !row.reference;
    const grade = grades[row.id];
    element("grade").value = grade === undefined ? "" : grade;
    for (const [value, button] of buttons) button.setAttribute("aria-pressed", String(value === grade));
    element("progress").textContent =
      `Answer ${place + 1} of ${data.rows.length}; ${Object.keys(grades).length} graded.`;
  }
  element("back").addEventListener("click", () => move(-1));
  element("next").addEventListener("click", () => move(1));
  element("grade").addEventListener("change", (event) =>
    set(event.target.value === "" ? null : Number(event.target.value)));
  document.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT") return;
    if (event.key === "ArrowLeft") move(-1);
    else if (event.key === "ArrowRight") move(1);
    else {
      const found = buttons.find(([value]) => String(value) === event.key);
      if (found) { set(found[0]); move(1); }
    }
  });
  element("download").addEventListener("click", () => {
    const lines = ["id,grade", ...data.rows.map((row) => `${row.id},${grades[row.id] ?? ""}`)];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    link.download = data.name + "-graded.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  draw();
})();
