"""`llmops gc`: what runs have left behind that could cost money is found, judged and removed."""

from __future__ import annotations

from llmops_sdk.collecting.finding import find_leftovers
from llmops_sdk.collecting.leftover import Blind, Choice, Leftover, Leftovers, parse_age, tell_age
from llmops_sdk.collecting.removing import remove

__all__ = ["Blind", "Choice", "Leftover", "Leftovers", "find_leftovers", "parse_age", "remove", "tell_age"]
