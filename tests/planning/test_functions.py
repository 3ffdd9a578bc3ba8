"""Planning functions: their options, their files, and what is refused before a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from llmops_sdk import Pipeline, Plan, SpecError
from llmops_sdk.functions import files
from llmops_sdk.planning.paths import path_checks
from llmops_sdk.planning.preflight import run_check
from llmops_sdk.planning.specification.data import spec_from
from llmops_sdk.plugin.registry import Registry

FILE = '''
from pathlib import Path

from llmops_sdk import dataset, metric, prompt, target


@metric
def score(output, *, limit: int = 3, words: Path | None = None, names: list[str] = []):
    """Score."""
    return 1


@metric
def listed(output, *, words: Path = Path("words.txt")):
    return len(words.read_text())


@dataset
def tickets(*, seed: int = 1):
    return []


@dataset
def rows():
    return [{"instruction": "a", "response": "b"}]


@prompt
def terse(record):
    return record["instruction"]


@target
def ask(prompt, *, temperature: float = 0.5):
    return prompt
'''


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mine.py").write_text(FILE, encoding="utf-8")
    (folder / "words.txt").write_text("one", encoding="utf-8")
    return folder


@pytest.fixture(name="installed", scope="module")
def _installed() -> Registry:
    return Registry.load()


def build(
    folder: Path, registry: Registry, evaluator: Mapping[str, Any] | str = "./mine.py:score", **changes: Any
) -> Plan:
    """Build the plan of a specification next to the user's file."""
    data = {
        "datasets": [{"use": "./mine.py:rows"}],
        "prompts": ["./mine.py:terse"],
        "models": ["./mine.py:ask"],
        "evaluators": [evaluator],
        **changes,
    }
    present = {name: value for name, value in data.items() if value is not None}
    return Pipeline(spec_from(present, where="spec.yaml", folder=folder)).build(registry)


def test_a_plan_has_functions_by_their_places(folder: Path, installed: Registry) -> None:
    """They are called like their functions; options have their defaults; no plugin is pinned for them."""
    plan = build(folder, installed, {"use": "./mine.py:score", "limit": 5, "name": "mine"})
    (evaluator,) = plan.evaluators

    assert ("mine", "mine.py:score") == (evaluator.name, evaluator.use)
    assert {"limit": 5, "words": None, "names": []} == evaluator.options["options"]
    assert ("rows", "terse", "ask", "score") == (
        plan.datasets[0].name, plan.prompts[0].name, plan.models[0].name, plan.metric,
    )  # fmt: skip
    assert {"local", "reporters"} >= {pin.name for pin in plan.plugins}
    assert ["mine.py:score", "mine.py:ask", "mine.py:terse"] == [each.reference for each in plan.functions]
    assert plan == Plan.from_json(plan.json)


def test_paths_are_relative_to_the_specification_and_defaults_to_the_file(folder: Path, installed: Registry) -> None:
    """Their content is in the plan, so they may change or vanish."""
    (folder.parent / "other.txt").write_text("other", encoding="utf-8")
    of_spec = build(folder, installed, {"use": "./mine.py:score", "words": "../other.txt"}).evaluators[0]
    of_file = build(folder.parent, installed, "project/mine.py:listed", datasets=["project/mine.py:rows"],
                    prompts=["project/mine.py:terse"], models=["project/mine.py:ask"]).evaluators[0]  # fmt: skip

    assert "other.txt" == of_spec.options["function"]["data"]["words"]["name"]
    assert str(folder / "words.txt") == of_file.options["options"]["words"]


def test_options_of_splits_and_of_requests_stand_beside_those_of_functions(folder: Path, installed: Registry) -> None:
    """`test_fraction` is the split's, `concurrency` is the client's, `temperature` is the function's."""
    plan = build(
        folder,
        installed,
        datasets=[{"use": "./mine.py:rows", "test_fraction": 1, "columns": {"context": "x"}}],
        models=[{"use": "./mine.py:ask", "temperature": 0.1, "concurrency": 3}],
    )

    assert {"test_fraction": 1, "columns": {"context": "x"}} == plan.datasets[0].options["split"]
    deployer = plan.models[0].deployer
    assert (3, {"temperature": 0.1}) == (deployer.options["concurrency"], deployer.options["options"])
    other = build(folder, installed, models=[{"use": "./mine.py:ask", "temperature": 0.1}])
    assert deployer.key == other.models[0].deployer.key


def test_a_target_is_asked_in_plain_text_by_default(folder: Path, installed: Registry) -> None:
    """A function gets the instruction, not a template for fine-tuned models."""
    plan = build(folder, installed, prompts=None)

    assert ["plain"] == [prompt.name for prompt in plan.prompts]


@pytest.mark.parametrize(
    ("evaluator", "message"),
    [
        ("./mine.py:scoer", r"'mine.py' has no metric 'scoer'; did you mean 'score'\?"),
        ("./mine.py:ask", "'ask' in 'mine.py' is a target, and is used as a metric"),
        ("./other.py:score", r"there is no file '.*other.py'; did you mean 'mine.py'\?"),
        ({"use": "./mine.py:score", "limitt": 3}, r"metric './mine.py:score' has no option 'limitt'; did you mean 'limit'\?"),
        ({"use": "./mine.py:score", "limit": "3"}, r"metric './mine.py:score': expected a whole number, found '3' in limit"),
        ({"use": "./mine.py:score", "words": "gone.txt"}, r"the option 'words' names no file or folder: 'gone.txt'"),
        ({"use": "./mine.py:score", "names": ["https://u:p@x.y"]}, r"names.0 is a URL with a password"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    folder: Path, installed: Registry, evaluator: Mapping[str, Any] | str, message: str
) -> None:
    """One line names the place and the nearest name."""
    with pytest.raises(SpecError, match=message):
        build(folder, installed, evaluator)


def test_what_functions_cannot_be_is_refused(folder: Path, installed: Registry) -> None:
    """A parameter that the split has too; a prompt of one model; a trainer of a target."""
    with pytest.raises(SpecError, match="the parameter 'seed' is also an option of every such function: rename it"):
        build(folder, installed, datasets=["./mine.py:tickets"])
    with pytest.raises(SpecError, match=r"list the function '\./mine\.py:terse' under the prompts of the pipeline"):
        build(folder, installed, prompts=None, models=[{"use": "./mine.py:ask", "prompts": ["./mine.py:terse"]}])
    with pytest.raises(SpecError, match="model 'ask': no trainer is known"):
        build(folder, installed, models=[{"use": "./mine.py:ask", "fine_tune": True}])
    with pytest.raises(SpecError, match=r"has no option 'columnz'; did you mean 'columns'"):
        build(folder, installed, datasets=[{"use": "./mine.py:rows", "columnz": {}}])
    with pytest.raises(SpecError, match="is a function, which no deployer serves"):
        build(folder, installed, models=[{"use": "./mine.py:ask", "deployer": {"use": "served"}}])
    with pytest.raises(SpecError, match="the same recipe"):
        build(folder, installed, models=["./mine.py:ask", {"use": "./mine.py:ask", "name": "again"}])


def test_large_files_do_not_travel_to_other_machines(
    folder: Path, installed: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run on this machine reads them where they are."""
    monkeypatch.setattr(files, "LARGEST", 2)
    plan = build(folder, installed, "./mine.py:listed")
    settings = {"sagemaker": {"region": "eu-west-1", "role": "arn:aws:iam::111122223333:role/x"}}
    remote = build(folder, installed, "./mine.py:listed", executor="sagemaker", settings=settings)

    assert [] == list(path_checks(plan, installed))
    (finding,) = [run_check(check) for check in path_checks(remote, installed)]
    assert "error" == finding.status
    assert "only files of at most 4 MiB travel with a plan" in finding.text
