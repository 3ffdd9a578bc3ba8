"""Importing without side effects."""

from __future__ import annotations

import logging
import os
import sys

import pytest

from llmops_plugins.sagemaker.sdk.quiet import environment, keeping_hooks, validator


def test_variables_are_changed_for_the_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it fails: what was set is set again, and what was not is removed."""
    monkeypatch.setenv("LLMOPS_A", "1")
    monkeypatch.delenv("LLMOPS_B", raising=False)

    seen = []

    def fail() -> None:
        with environment(LLMOPS_A=None, LLMOPS_B="2"):
            seen.append((os.environ.get("LLMOPS_A"), os.environ.get("LLMOPS_B")))
            raise ImportError

    with pytest.raises(ImportError):
        fail()
    assert [(None, "2")] == seen
    assert ("1", None) == (os.environ.get("LLMOPS_A"), os.environ.get("LLMOPS_B"))


def test_the_exception_hook_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the SDK's loggers show errors only."""
    before = sys.excepthook
    with keeping_hooks():
        monkeypatch.setattr(sys, "excepthook", print)

    assert before is sys.excepthook
    assert logging.ERROR == logging.getLogger("sagemaker.remote_function").level


def test_a_config_is_validated_against_its_schema() -> None:
    """As jsonschema does."""
    jsonschema = pytest.importorskip("jsonschema")
    validate = validator({"type": "object", "additionalProperties": False, "properties": {"a": {}}})

    validate({"a": 1})
    with pytest.raises(jsonschema.ValidationError):
        validate({"b": 1})
