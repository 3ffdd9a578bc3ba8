from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmops_plugins.importers.lm_eval import LmEval
from llmops_plugins.importers.options import ToolImportOptions
from llmops_sdk.errors import DataError

from .reading import Read, read, write_lines

DATE = "2026-11-29T12-26-15.836260"
GENERATION = {"until": ["\n"], "max_gen_toks": 12, "temperature": 0.0}


def sample(number: int, score: object, **changes: Any) -> dict[str, Any]:
    """A line of a samples file of version 0.4.13, of a task that generates."""
    return {
        "doc_id": number,
        "doc": {"question": f"What is {number}?", "id": f"d{number}"},
        "target": str(number),
        "arguments": {"gen_args_0": {"arg_0": f"What is {number}?", "arg_1": GENERATION}},
        "resps": [[f" {number}!"]],
        "filtered_resps": [str(number)],
        "filter": "none",
        "metrics": ["exact_match"],
        "doc_hash": f"doc{number}",
        "prompt_hash": f"prompt{number}",
        "target_hash": f"target{number}",
        "exact_match": score,
        **changes,
    }


def results(task: str, **changes: Any) -> dict[str, Any]:
    """A results file of version 0.4.13."""
    return {
        "results": {task: {"alias": task, "exact_match,none": 0.5}},
        "configs": {task: {"generation_kwargs": GENERATION, "metric_list": [{"metric": "exact_match"}]}},
        "versions": {task: 2.0},
        "n-shot": {task: 0},
        "higher_is_better": {task: {"exact_match": True}},
        "config": {"model": "local-chat-completions", "model_args": {"model": "tiny", "api_key": "sk-secret"}},
        "date": 1795955113.25,
        "lm_eval_version": "0.4.13",
        "model_source": "local-chat-completions",
        "model_name": "org/tiny",
        "model_name_sanitized": "org__tiny",
        **changes,
    }


def write(
    folder: Path, lines: list[dict[str, Any]], *, task: str = "capitals", date: str = DATE, **changes: Any
) -> Path:
    """Write a results file with its samples; return the samples file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"results_{date}.json").write_text(json.dumps(results(task, **changes), indent=2))
    return write_lines(folder / f"samples_{task}_{date}.jsonl", lines)


def read_one(path: Path, **options: str) -> Read:
    (one,) = read(LmEval(ToolImportOptions(**options)), path)
    return one


def test_samples_are_rows_with_the_hashes_of_the_tool(tmp_path: Path) -> None:
    """The document's hash pairs rows; the hashes of prompt and target must agree; the answer is what the model wrote."""
    path = write(tmp_path / "org__tiny", [sample(1, 1.0), sample(2, 0.0)])

    one = read_one(path)

    assert ("org/tiny", "capitals") == (one.results.candidate, one.results.dataset)
    assert {"exact_match": (True, (0.0, 1.0))} == one.metrics
    assert ["doc1", "doc2"] == [row.key for row in one.rows]
    assert {"prompt": "prompt1", "target": "target1"} == one.rows[0].must_agree
    assert [1.0, 0.0] == one.scores("exact_match")
    assert one.rows[0].answer
    assert " 1!" == one.rows[0].answer.output
    assert {
        "instruction": "What is 1?", "response": "1", "doc": {"question": "What is 1?", "id": "d1"}
    } == one.rows[0].record  # fmt: skip


def test_what_decides_the_scores_must_agree_and_no_secret_is_kept(tmp_path: Path) -> None:
    """The task's version and the generation options come from the results file; of the model's arguments only the weights."""
    one = read_one(write(tmp_path, [sample(1, 1.0)]))

    assert {
        "task version in lm-eval": "2.0", "examples in the prompt of lm-eval": "0",
        "metrics in lm-eval": '[{"metric": "exact_match"}]', "generation stop": '["\\n"]', "generation max_tokens": "12",
        "generation temperature": "0",
    } == one.results.must_agree  # fmt: skip
    assert "0.4.13" == one.results.details["version"]
    assert "tiny" == one.results.details["model"]
    assert "sk-secret" not in str(one.results.details)


def test_a_metric_of_several_filters_is_one_metric_for_each(tmp_path: Path) -> None:
    """A document has a line for each filter; its metrics are named as the tool prints them."""
    strict = [sample(number, 0.0, filter="strict-match") for number in (1, 2)]
    flexible = [sample(number, 1.0, filter="flexible-extract") for number in (1, 2)]

    one = read_one(write(tmp_path, strict + flexible))

    assert 2 == len(one.rows)
    assert [0.0, 0.0] == one.scores("exact_match,strict-match")
    assert [1.0, 1.0] == one.scores("exact_match,flexible-extract")
    assert (True, (0.0, 1.0)) == one.metrics["exact_match,strict-match"]


def test_a_file_that_lacks_a_filter_of_a_document_is_refused(tmp_path: Path) -> None:
    """Such a file was cut off."""
    lines = [sample(1, 0.0, filter="a"), sample(2, 0.0, filter="a"), sample(1, 0.0, filter="b")]

    with pytest.raises(
        DataError,
        match=r"^document 2 of 'samples_.*' is not there for each of the filters a, b: is the file cut off\?$",
    ):
        read_one(write(tmp_path, lines))


def test_of_a_multiple_choice_the_answer_is_the_likeliest_choice(tmp_path: Path) -> None:
    """Given the prompt: acc_mutual_info also asks without it. The target is the text of the right choice, not its place."""
    asked = [("The sky is", "loud"), ("The sky is", "blue"), ("", "loud"), ("", "blue")]
    choices = {
        f"gen_args_{place}": {"arg_0": prompt, "arg_1": f" {word}"} for place, (prompt, word) in enumerate(asked)
    }
    likelihoods = [["-9.5", "False"], ["-2.5", "True"], ["-1.5", "False"], ["-3.5", "False"]]
    line = sample(
        1, 0, target="1", arguments=choices, resps=[[pair] for pair in likelihoods], filtered_resps=likelihoods,
        metrics=["acc", "acc_norm"], acc=1.0, acc_norm=0.0,
    )  # fmt: skip

    one = read_one(write(tmp_path, [line]))

    assert one.rows[0].answer
    assert ("blue", "blue") == (one.rows[0].answer.output, one.rows[0].record["response"])
    assert {"acc": 1.0, "acc_norm": 0.0} == one.rows[0].answer.scores


def test_the_prompt_of_a_chat_is_its_message(tmp_path: Path) -> None:
    """The tool keeps a chat as JSON in a list of one element."""
    chat = json.dumps([{"role": "user", "content": "Hi?", "type": "text"}])
    line = sample(1, 1.0, arguments={"gen_args_0": {"arg_0": [chat], "arg_1": GENERATION}})

    assert "Hi?" == read_one(write(tmp_path, [line])).rows[0].record["instruction"]


def test_scores_that_are_not_of_one_record_are_left_out(tmp_path: Path) -> None:
    """Perplexity and corpus BLEU come as lists that only the whole set makes a number of; the details name them."""
    lines = [sample(1, 1.0, metrics=["exact_match", "bleu"], bleu=[["a"], ["b"]])]

    one = read_one(write(tmp_path, lines))

    assert ["exact_match"] == list(one.metrics)
    assert "bleu: no number for each record" == one.results.details["metrics left out"]


def test_the_direction_is_what_the_tool_recorded(tmp_path: Path) -> None:
    """It counts more than the name; an unknown metric without it has none."""
    lines = [sample(1, 1.0, metrics=["acc", "warmth", "chill"], acc=0.5, warmth=3, chill=2)]
    path = write(tmp_path, lines, higher_is_better={"capitals": {"acc": False, "warmth": True}})

    assert {"acc": (False, None), "warmth": (True, None), "chill": (None, None)} == read_one(path).metrics


def test_a_folder_and_a_results_file_have_all_their_tasks(tmp_path: Path) -> None:
    """A results file names the samples of its date; a folder may have a subfolder for each model."""
    for model in ("a", "b"):
        write(tmp_path / model, [sample(1, 1.0)], model_name=model)
    write(tmp_path / "b", [sample(1, 1.0)], task="rivers", date="2026-11-30T01-02-03.4", model_name="b")

    in_folder = read(LmEval(ToolImportOptions()), tmp_path)
    of_file = read(LmEval(ToolImportOptions()), tmp_path / "b" / f"results_{DATE}.json")

    assert [("a", "capitals"), ("b", "capitals"), ("b", "rivers")] == [
        (one.results.candidate, one.results.dataset) for one in in_folder
    ]
    assert ["capitals"] == [one.results.dataset for one in of_file]


def test_a_folder_with_two_runs_of_a_task_is_refused(tmp_path: Path) -> None:
    """Which one is meant is for the user to say."""
    for date in (DATE, "2026-11-30T01-02-03.4"):
        write(tmp_path, [sample(1, 1.0)], date=date)

    with pytest.raises(
        DataError,
        match=r"has several runs of the task 'capitals': name one results file, such as '.*results_2026-11-30",
    ):
        read(LmEval(ToolImportOptions()), tmp_path)


def test_samples_without_a_results_file_are_named_after_their_folder(tmp_path: Path) -> None:
    """The tool names the folder after the model; a renamed file has only its own name."""
    path = write_lines(tmp_path / "org__tiny" / f"samples_capitals_{DATE}.jsonl", [sample(1, 1.0)])
    renamed = write_lines(tmp_path / "old model.jsonl", [sample(1, 1.0)])

    assert ("org__tiny", "capitals") == (read_one(path).results.candidate, read_one(path).results.dataset)
    assert "old-model" == read_one(renamed).results.candidate


def test_samples_of_older_versions_are_read(tmp_path: Path) -> None:
    """They list no metrics, have no hashes and no filter, and keep arguments as lists."""
    line = sample(7, 0.25, arguments=[["What is 7?", GENERATION]])
    for name in ("metrics", "filter", "doc_hash", "prompt_hash", "target_hash"):
        del line[name]
    path = write_lines(tmp_path / f"samples_capitals_{DATE}.jsonl", [line])

    one = read_one(path)

    assert [0.25] == one.scores("exact_match")
    assert {"prompt": "What is 7?", "target": "7"} == one.rows[0].must_agree
    assert one.rows[0].key


def test_a_field_of_the_record_pairs_files_of_several_tools(tmp_path: Path) -> None:
    """Then the texts must agree, because no other tool has the hashes."""
    one = read_one(write(tmp_path, [sample(3, 1.0)]), id="doc.id", group="doc.question")

    assert ("d3", "What is 3?") == (one.rows[0].key, one.rows[0].group)
    assert {"prompt": "What is 3?", "target": "3"} == one.rows[0].must_agree


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ([sample(1, "good")], "the score 'exact_match' of document 1 of 'samples_.*': 'good' is no number"),
        ([sample(1, 1.0, metrics=["bypass"], bypass=999)], "has no scores of single records$"),
        ([sample(1, 1.0, exact_match=[1, 2])], "has no scores of single records: exact_match have no number for each record"),
    ],
)  # fmt: skip
def test_unusable_scores_are_refused(tmp_path: Path, lines: list[dict[str, Any]], problem: str) -> None:
    """Texts in place of numbers, and runs with --predict_only."""
    with pytest.raises(DataError, match=problem):
        read_one(write(tmp_path, lines))


def test_a_file_that_is_cut_off_is_refused_with_its_line(tmp_path: Path) -> None:
    """Its last line is no JSON."""
    path = write(tmp_path, [sample(1, 1.0), sample(2, 1.0)])
    path.write_text(path.read_text()[:-30])

    with pytest.raises(DataError, match=r"^line 2 of '.*' is not JSON at column"):
        read_one(path)


def test_results_without_samples_are_refused(tmp_path: Path) -> None:
    """Means of a whole task cannot be paired; the message names the option that was missing."""
    path = write(tmp_path, [sample(1, 1.0)])
    path.unlink()

    with pytest.raises(DataError, match=r"there are no samples beside .*: run lm_eval with --log_samples"):
        read_one(tmp_path / f"results_{DATE}.json")


def test_other_files_are_not_recognized(tmp_path: Path) -> None:
    """A file of another tool, an empty folder, and nothing at all."""
    (tmp_path / "other.json").write_text('{"results": {"version": 3}}')
    other = write_lines(tmp_path / "other.jsonl", [{"id": 1, "score": 0.5}])
    importer = LmEval(ToolImportOptions())

    for path in (other, tmp_path / "other.json", tmp_path / "none.jsonl", tmp_path):
        assert not importer.recognizes(path)
