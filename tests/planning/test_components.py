"""Choosing cards: their options, keys, paths, assets and names."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmops_sdk import Pipeline, Registry, SpecError
from llmops_sdk.planning.components import Chooser, check_distinct, check_names
from llmops_sdk.planning.specification.spec import ComponentSpec
from llmops_sdk.plugin.cards import CardKind


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


def test_names_are_plain() -> None:
    """They are parts of file names."""
    with pytest.raises(SpecError, match=r"the dataset name 'a b' may have letters, digits, '-' and '_' only"):
        check_names("dataset", (ComponentSpec("lines", "a b"),))


def test_names_are_distinct() -> None:
    """The error names the key that sets one."""
    with pytest.raises(SpecError, match="two datasets are called 'a'; give one of them another name with `name`"):
        check_distinct("dataset", ("a", "b", "a"))


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("dataset", ComponentSpec("file", options={"path": "data/support tickets.jsonl.gz"}), "support-tickets"),
        ("dataset", ComponentSpec("csv", options={"path": "rows.csv"}), "rows"),
        ("dataset", ComponentSpec("jsonl", "mine", {"path": "rows.jsonl"}), "mine"),
        ("dataset", ComponentSpec("file", options={"path": "\u6570.csv"}), "file"),
        ("dataset", ComponentSpec("huggingface", options={"id": "abisee/cnn_dailymail"}), "cnn_dailymail"),
        ("dataset", ComponentSpec("dolly", options={"path": "rows.jsonl"}), "dolly"),
        ("model", ComponentSpec("huggingface", options={"weights": "Qwen/Qwen3-0.6B"}), "Qwen3-0-6B"),
        ("model", ComponentSpec("smollm2", options={"weights": "some/weights"}), "smollm2"),
        ("model", ComponentSpec("jumpstart", options={"model_id": "meta-textgeneration-x"}), "meta-textgeneration-x"),
        ("model", ComponentSpec("llama-2-7b", options={"accept_eula": True}), "llama-2-7b"),
        ("model", ComponentSpec("existing-endpoint", options={"endpoint": "mine-1"}), "mine-1"),
        ("model", ComponentSpec("bedrock", options={"model": "us.amazon.nova-lite-v1:0"}), "us-amazon-nova-lite-v1-0"),
        ("model", ComponentSpec("recorded", options={"path": "old/gpt-4o.answers.csv"}), "gpt-4o"),
        ("model", ComponentSpec("openai-compatible", options={"model": "org/m.1", "provider": "vllm"}), "m-1"),
    ],
)
def test_a_component_without_a_name_is_called_like_what_it_is_about(
    registry: Registry, kind: CardKind, spec: ComponentSpec, expected: str
) -> None:
    """A dataset like its file, a model like its weights, a preset like its card."""
    (chosen,) = Chooser(registry, Path()).choose_all(kind, (spec,))

    assert expected == chosen.component.name


def test_files_of_the_same_name_need_names_of_their_own(registry: Registry) -> None:
    """A number would hide which of them is meant."""
    specs = (ComponentSpec("file", options={"path": f"{folder}/test.jsonl"}) for folder in "ab")
    with pytest.raises(SpecError, match="two datasets are called 'test'; give one of them another name with `name`"):
        Chooser(registry, Path()).choose_all("dataset", specs)


def test_an_options_object_plans_the_same(registry: Registry) -> None:
    """`with_dataset` takes the options as an object, by name, or both."""
    from llmops_sdk.testing import EchoTrainerOptions, LinesOptions

    base = Pipeline.builder("p").with_prompt("bare").with_evaluator("echo-score")
    by_object = base.with_dataset("lines", LinesOptions(records=30, seed=1), seed=2).with_model(
        "echo", trainer=EchoTrainerOptions(voice="quiet")
    )
    by_name = base.with_dataset("lines", records=30, seed=2).with_model("echo", trainer={"voice": "quiet"})

    assert by_name.build(registry) == by_object.build(registry)
