from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from llmops_sdk.data.near_duplicates import find_near_duplicates
from llmops_sdk.values.data import Split

WORDS = ["".join(random.Random(n).choices("abcdefghijklmnop", k=6)) for n in range(3000)]
FORM = "Classify the sentiment of the following review as positive or negative, and answer in one word only, please."


def text(seed: int, words: int = 40) -> str:
    """A text that is like no other."""
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def split(folder: Path, name: str, contexts: list[str], instruction: str = FORM) -> Split:
    """Write a split."""
    path = folder / name
    rows = ({"instruction": instruction, "context": context, "response": "a"} for context in contexts)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return Split(path, len(contexts), "")


def changed(context: str) -> str:
    """A text with one other word, in capitals, and with other spaces."""
    words = context.upper().split()
    return "  ".join([*words[:20], "OTHERWISE", *words[21:]])


def test_near_duplicates_are_found_with_examples(tmp_path: Path) -> None:
    """A changed word, capitals and spaces hide no copy; the most similar pairs come first."""
    train = split(tmp_path, "train", [text(n) for n in range(200)])
    test = split(tmp_path, "test", [*(text(n) for n in range(1000, 1040)), changed(text(7)), text(9) + " "])
    near = find_near_duplicates(train, test)
    assert (42, 2) == (near.compared, near.similar)
    assert [(41, 9), (40, 7)] == [(example.test, example.train) for example in near.examples]
    assert 1.0 == near.examples[0].similarity > near.examples[1].similarity >= 0.8
    assert near.examples[1].test_input.startswith(f"{FORM} {text(7).upper()[:6]}")


def test_a_common_form_is_no_near_duplicate(tmp_path: Path) -> None:
    """A fixed instruction is most of short inputs; what they are about is compared."""
    train = split(tmp_path, "train", [text(n, 4) for n in range(200)])
    test = split(tmp_path, "test", [*(text(n, 4) for n in range(1000, 1040)), text(7, 4)])
    near = find_near_duplicates(train, test)
    assert [(40, 7)] == [(example.test, example.train) for example in near.examples]
    assert 1 == near.similar


def test_short_and_other_texts_are_compared(tmp_path: Path) -> None:
    """Inputs shorter than a piece, in other scripts, and one record only."""
    train = split(tmp_path, "train", ["\u4f60\u597d\u4e16\u754c", "b"], instruction="a")
    near = find_near_duplicates(train, split(tmp_path, "test", ["\u4f60\u597d\u4e16\u754c"], instruction="a"))
    assert [(0, 0)] == [(example.test, example.train) for example in near.examples]
    assert 0 == find_near_duplicates(train, split(tmp_path, "other", ["c"], instruction="a")).similar


@pytest.mark.parametrize(("train", "test"), [([], ["a"]), (["a"], [])])
def test_an_empty_split_has_none(tmp_path: Path, train: list[str], test: list[str]) -> None:
    """Where nothing is trained, nothing can be copied."""
    assert 0 == find_near_duplicates(split(tmp_path, "train", train), split(tmp_path, "test", test)).similar


def test_records_of_another_form_are_compared(tmp_path: Path) -> None:
    """By all of their fields."""
    for name in ("train", "test"):
        (tmp_path / name).write_text(json.dumps({"headline": text(1), "body": text(2)}) + "\n")
    assert 1 == find_near_duplicates(Split(tmp_path / "train", 1, ""), Split(tmp_path / "test", 1, "")).similar


MEASURE = """
import resource, sys, time
from pathlib import Path
from llmops_sdk.data.near_duplicates import find_near_duplicates
from llmops_sdk.values.data import Split
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
train, test = (Split(Path(path), int(rows), "") for path, rows in zip(sys.argv[1::2], sys.argv[2::2]))
find_near_duplicates(Split(train.path, 1, ""), Split(test.path, 1, ""))
before, started = peak(), time.process_time()
similar = find_near_duplicates(train, test).similar
print(similar, time.process_time() - started, peak() - before)
"""


def test_many_records_take_little_time_and_memory(tmp_path: Path) -> None:
    """10,000 records take less than 10 s of a busy processor, and some hundred bytes of memory each."""
    train = split(tmp_path, "train", [text(n) for n in range(8_000)])
    test = split(tmp_path, "test", [text(n) for n in range(7_000, 9_000)])
    command = [sys.executable, "-c", MEASURE, str(train.path), "8000", str(test.path), "2000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert 1000 == int(done[0])
    assert 10 > float(done[1])
    assert 20 * 2**20 > int(done[2])
