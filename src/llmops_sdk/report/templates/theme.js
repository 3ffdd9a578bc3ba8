"use strict";
// Runs before the page is drawn: a chosen theme must not flash the other one first.
try {
  const chosen = localStorage.getItem("llmops-report-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch (error) {
  // A file opened from disk may have no storage: the system's theme is used.
}
