"""Choosing cards: their options, keys, paths, assets and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.components import Chooser, check_names
from llmops_sdk.planning.spec import ComponentSpec


def test_a_chosen_card_has_its_options_as_an_object_and_as_json(registry: Registry) -> None:
    """Options are made once; the plan records all of them with their defaults."""
    chosen = Chooser(registry, Path()).choose("dataset", "lines", {"records": 30}, name="more")

    assert ("lines", "more") == (chosen.card.name, chosen.component.name)
    assert 30 == chosen.options.records
    assert {"records": 30, "test_fraction": 0.5, "seed": 0} == chosen.component.options


def test_a_key_ignores_options_that_change_no_result(registry: Registry) -> None:
    """Another number of requests at a time repeats no work, another URL neither; another card does."""
    chooser = Chooser(registry, Path())
    plain, other = (chooser.choose("deployer", "echo-endpoint", {"concurrency": number}).component for number in (1, 2))
    cast = [
        chooser.choose("deployer", "local-endpoint", {"dtype": dtype}).component.key for dtype in ("auto", "bfloat16")
    ]

    assert plain.options != other.options
    assert plain.key == other.key
    assert 2 == len({*cast})


def test_paths_next_to_the_specification_become_absolute(registry: Registry, tmp_path: Path) -> None:
    """A path that does not exist there stays as it is: it may be a hub id."""
    (tmp_path / "rows.jsonl").write_text("{}", encoding="utf-8")
    chooser = Chooser(registry, tmp_path)

    beside = chooser.choose("dataset", "jsonl", {"path": "rows.jsonl", "test_path": "other.jsonl"}).options

    assert (str(tmp_path / "rows.jsonl"), "other.jsonl") == (beside.path, beside.test_path)


def test_a_chooser_remembers_plugins_and_assets(registry: Registry) -> None:
    """Each of them once, whatever needs it."""
    chooser = Chooser(registry, Path())
    chooser.choose("evaluator", "toxicity", {})
    chooser.choose("evaluator", "toxicity", {}, name="again")
    chooser.choose("dataset", "lines", {})

    assert ["metrics", "testing"] == [pin.name for pin in chooser.plugins]
    assert ("detoxify",) == chooser.assets


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        ((ComponentSpec("lines", "a b"),), "the dataset name 'a b' may have letters, digits, '-' and '_' only"),
        (
            (ComponentSpec("lines"), ComponentSpec("other", "lines")),
            "two datasets are called 'lines'; give one of them another name",
        ),
    ],
)
def test_names_are_distinct_and_plain(specs: tuple[ComponentSpec, ...], message: str) -> None:
    """They are parts of file names."""
    with pytest.raises(SpecError) as raised:
        check_names("dataset", specs)

    assert message == str(raised.value)


def test_an_options_object_plans_the_same(registry: Registry) -> None:
    """`with_dataset` takes the options as an object, by name, or both."""
    from llmops_sdk.testing import EchoTrainerOptions, LinesOptions

    base = Pipeline.builder("p").with_prompt("bare").with_evaluator("echo-score")
    by_object = base.with_dataset("lines", LinesOptions(records=30, seed=1), seed=2).with_model(
        "echo", trainer=EchoTrainerOptions(voice="quiet")
    )
    by_name = base.with_dataset("lines", records=30, seed=2).with_model("echo", trainer={"voice": "quiet"})

    assert by_name.build(registry) == by_object.build(registry)
