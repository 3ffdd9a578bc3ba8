"""Mistakes in what is read from a result; a type checker reports each line that is marked, and no other one."""

from __future__ import annotations

from llmops_sdk import Estimate, Verdict, load

result = load("latest")
result.decison()  # error: a misspelled method
verdict: Verdict = result.leaderboards  # error: another type
best: str = result.decision().best_candidate  # error: an attribute that it lacks
result.leaderboards[0].cells[0].estimates["rougeL"].meen  # error: a misspelled field
estimate: Estimate = result.leaderboards[0].cells[0].estimates["rougeL"]
width = estimate.high - estimate.low  # error: an interval may have no ends
result.report()  # error: a missing argument
result.records(candidates="base")  # error: a misspelled argument
