"""Generated specifications through `llmops plan`: each is planned, or refused in one line."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import yaml

from llmops_sdk.cli.main import main
from llmops_sdk.plugin.registry import Registry

LONGEST_SECONDS = 10
SEED = 20261129

_BASE = {
    "name": "fuzz",
    "datasets": [{"use": "lines", "records": 20}],
    "prompts": ["bare", {"use": "template", "name": "own", "prompt": "Q: {instruction}\n"}],
    "models": [
        {"use": "echo", "name": "loud", "fine_tune": False},
        {"use": "echo", "name": "tuned", "trainer": {"voice": "quiet"}},
    ],
    "generation": {"max_new_tokens": 8, "temperature": 0},
    "evaluators": ["echo-score", {"use": "text-metrics", "metrics": ["token_f1"]}],
    "decide_by": "exact",
    "settings": {"testing": {"note": "x"}},
    "executor": "local",
}
_ODD: list[Any] = [
    None, True, "", " ", 0, -1, 1.5, 10**18, [], {}, [[]], [None], {"": ""}, {"use": None}, {"use": []}, "a" * 300, "../x",
    "/dev/zero", "[/b]", "{instruction.__class__}", "{", "\u202e", "é" * 90, {"use": "echo"}, ["echo"] * 3, "env:", "0x1",
]  # fmt: skip
_RAW = [
    "NO", "on", "1e-4", "0000-00-00", "2024-01-01", "12:30:45", "9" * 5000, "1" * 25, ".inf", ".nan", "1e999", "&a [*a]",
    "[" * 200, "{" * 90, '"\\ud83d"', '"\\ud83d\\ude00"', '"\\0"', '"\\x1b[2J"', "!!python/object:os.system {}", "!!binary x", "!!set {a}",
    "!!timestamp 2001", "? x", "*nowhere", "<<: 1", "~", "'", '"', "|", ">-", "- - - -", "%", "@", "`", "\t", "\u0007", "=", "!", "!!str",
]  # fmt: skip


def test_specifications_are_planned_or_refused_in_one_line(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hundred of them, in this process: no traceback, nothing that takes long."""
    _plan_all(200, registry, tmp_path, monkeypatch, capsys)


@pytest.mark.slow
def test_many_specifications_are_planned_or_refused_in_one_line(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A thousand of them."""
    _plan_all(1000, registry, tmp_path, monkeypatch, capsys)


def _plan_all(
    number: int,
    registry: Registry,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(Registry, "load", classmethod(lambda _cls: registry))
    monkeypatch.chdir(folder)
    path, codes = folder / "fuzz.yaml", []
    for case in range(number):
        # Each case has a seed of its own, so one that fails can be looked at alone.
        path.write_bytes(_specification(random.Random(SEED + case)))
        started = time.monotonic()
        code = _within(LONGEST_SECONDS, lambda: main(["plan", "fuzz.yaml", "--offline"]))
        captured = capsys.readouterr()
        codes.append(code)
        assert code in (0, 2), f"case {case}: {captured.err}"
        assert time.monotonic() - started < LONGEST_SECONDS, f"case {case}"
        if code and not captured.out:
            assert 1 == len(captured.err.strip().splitlines()), f"case {case}: {captured.err}"
            assert len(captured.err) < 1500, f"case {case}: {captured.err}"
    assert {0, 2} == set(codes)


def _within(seconds: int, call: Callable[[], int]) -> int:
    """Return what a call returns, or fail if it hangs."""

    def fail(_number: int, _frame: FrameType | None) -> None:
        message = f"no end after {seconds} s"
        raise TimeoutError(message)

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        return call()
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _specification(rng: random.Random) -> bytes:
    """Return a good specification with a few values, lines or bytes replaced, moved or removed."""
    data = yaml.safe_load(yaml.safe_dump(_BASE))
    for _ in range(rng.randint(0, 3)):
        _change_value(data, rng)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=rng.random() < 0.1)
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        text = _change_text(text, rng)
    raw = text.encode("utf-8", "surrogatepass")
    return _change_bytes(raw, rng) if rng.random() < 0.1 else raw


def _change_value(data: Any, rng: random.Random) -> None:
    """Replace, remove or repeat one value somewhere below."""
    while isinstance(data, (dict, list)) and data:
        key = rng.choice(list(data) if isinstance(data, dict) else list(range(len(data))))
        child = data[key]
        if not isinstance(child, (dict, list)) or not child or rng.random() < 0.3:
            action = rng.randrange(4)
            if action == 0:
                del data[key]
            elif action == 1 and isinstance(data, list):
                data.append(child)
            elif action == 1 and isinstance(data, dict):
                data[rng.choice(["use", "name", "nosuch", "path", "", "1"])] = child
            else:
                data[key] = rng.choice(_ODD)
            return
        data = child


def _change_text(text: str, rng: random.Random) -> str:
    lines = text.splitlines() or [""]
    number = rng.randrange(len(lines))
    line = lines[number]
    action = rng.randrange(6)
    if action == 0:
        lines.insert(number, line)
    elif action == 1:
        lines[number] = f"{line.partition(':')[0]}: {rng.choice(_RAW)}"
    elif action == 2:
        lines[number] = " " * rng.randint(0, 4) + line.lstrip()
    elif action == 3:
        del lines[number]
    elif action == 4:
        lines[number] = f"{line.partition(':')[0]}:"
    else:
        lines[number] = line + rng.choice(_RAW)
    return "\n".join(lines) + "\n"


def _change_bytes(raw: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(raw) + 1)
    return rng.choice([
        b"\xef\xbb\xbf" + raw,
        raw.decode("utf-8", "replace").encode("utf-16"),
        raw[:place] + bytes([rng.randrange(256)]) + raw[place:],
        raw[:place],
        raw[:place] + b"\x00" + raw[place:],
        raw.replace(b"\n", b"\r\n"),
        b"\xff" * 20,
        b"",
    ])  # fmt: skip
