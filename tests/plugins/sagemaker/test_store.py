"""The store in S3: what every store promises, whole runs, large files, and what AWS may refuse."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("moto")

import boto3
import moto.s3.models

from llmops_plugins.sagemaker.store import S3Store
from llmops_sdk import Pipeline, Progress, Run, SpecError, Store, StoreError, open_store, rescore
from llmops_sdk.plugin import Child, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.values.step_records import Failed, Succeeded

BUCKET = "llmops-runs"
URI = f"s3://{BUCKET}/team/store"
TESTS = Path(__file__).parents[2]


@pytest.fixture(name="bucket")
def _bucket(cloud: Any, home: Path) -> Any:  # noqa: ARG001 - both set the environment
    """An S3 client, and an empty bucket."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture(name="store")
def _store(bucket: Any) -> Store:  # noqa: ARG001 - it is there
    return open_store(URI)


# -- the promises of every store, and of the record on it, by the tests that the core's stores pass ---------------


def _load(path: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(Path(path).stem, TESTS / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _take(module: ModuleType, *names: str) -> None:
    """Make the tests of a module that use the fixture `store` tests of this one, with this one's store.

    Args:
        module: The module.
        names: Its fixtures, and its tests that are quick; where there are some, the others are slow here.
    """
    for name, value in vars(module).items():
        if name.startswith("test_") and "store" in inspect.signature(value).parameters:
            # Some hundred requests to moto each; what they add to the quick ones is not about the store.
            globals()[name] = value if not names or name in names else pytest.mark.slow(value)
        elif name in names:
            globals()[name] = value


_take(_load("record/test_stores.py"))
_take(
    _load("steps/test_step.py"),
    "_asked", "_pipeline", "test_a_run_concludes", "test_nothing_is_made_twice", "test_resume_does_what_is_left",
)  # fmt: skip


# -- S3 -----------------------------------------------------------------------------------------


def test_large_files_go_in_parts_and_come_back(store: Store, bucket: Any, tmp_path: Path) -> None:
    """A workspace with a large file and many small ones is uploaded, the large one in parts, and lent again."""
    large = os.urandom(20 << 20)
    with store.workspace("model/1", tmp_path / "work") as folder:
        (folder / "weights").write_bytes(large)
        (folder / "deep").mkdir()
        for number in range(50):
            (folder / "deep" / str(number)).write_text(str(number), encoding="utf-8")

    assert bucket.head_object(Bucket=BUCKET, Key="team/store/model/1/weights")["ETag"].endswith('-3"')
    assert not (tmp_path / "work" / "work" / "model" / "1").exists()
    with store.folder("model/1") as lent:
        assert large == (lent / "weights").read_bytes()
        assert [str(number) for number in range(50)] == sorted(
            (path.read_text(encoding="utf-8") for path in (lent / "deep").iterdir()), key=int
        )


def test_a_copy_stays_in_s3(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copying reads nothing here; what is not there is not copied."""
    store.put("a/samples.jsonl", b"1\n")
    with monkeypatch.context() as patched:
        patched.setattr(S3Store, "get", lambda *_: pytest.fail("it was read"))
        store.copy("a/samples.jsonl", "b/samples.jsonl")
        store.copy("a/none", "b/none")

    assert b"1\n" == store.get("b/samples.jsonl")
    assert store.get("b/none") is None


def test_long_lists_and_deletions_come_in_pages(store: Store, bucket: Any) -> None:
    """More than a thousand keys are listed in order and deleted, and nothing beside them."""
    kept = moto.s3.models.s3_backends["123456789012"]["aws"]
    for number in range(1005):
        kept.put_object(BUCKET, f"team/store/many/{number:04d}", b"")
    bucket.put_object(Bucket=BUCKET, Key="team/storefront", Body=b"another's")

    assert [f"many/{number:04d}" for number in range(1005)] == list(store.list("many/"))
    store.delete("many/")
    assert [] == list(store.list(""))
    assert bucket.head_object(Bucket=BUCKET, Key="team/storefront")


def test_lines_of_a_long_object_are_read_through_a_file(store: Store) -> None:
    """Lines are split at line ends alone, across the parts of an object that is larger than memory should be."""
    lines = [f'{{"index":{number},"text":"\u2028{"x" * 1000}"}}\n'.encode() for number in range(12_000)]
    store.put("samples.jsonl", b"".join(lines))

    assert lines == list(store.read_lines("samples.jsonl"))


def test_a_key_that_leads_out_of_its_folder_is_refused(store: Store, bucket: Any) -> None:
    """What somebody else has put into the bucket cannot write beside the folder that is lent."""
    bucket.put_object(Bucket=BUCKET, Key="team/store/a/../../evil", Body=b"evil")

    with pytest.raises(StoreError, match="points outside of its folder"), store.folder("a"):
        pass


def test_everything_is_encrypted_with_the_key_that_is_named(bucket: Any, tmp_path: Path) -> None:
    """Puts, uploads and copies say SSE-KMS with the key of the URI, or of the settings."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    for store in (S3Store(f"{URI}?kms_key={key}", {}), S3Store(URI, {"kms_key": key})):
        store.put("put", b"1")
        store.copy("put", "copied")
        with store.workspace("w", tmp_path) as folder:
            (folder / "file").write_text("1", encoding="utf-8")

        for name in ("put", "copied", "w/file"):
            found = bucket.head_object(Bucket=BUCKET, Key=f"team/store/{name}")
            assert ("aws:kms", key) == (found["ServerSideEncryption"], found["SSEKMSKeyId"])
        assert f"{URI}?kms_key={key}" == store.uri
        assert f"{URI}/put" == store.locate("put")


def test_a_run_is_encrypted_with_its_own_key_whoever_opens_it(bucket: Any, registry: Registry) -> None:
    """A run whose settings name a key is written with it by a store that was opened without; the URI's own key wins."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    pipeline = echo().with_settings("sagemaker", kms_key=key, profile="alice")
    run = Run.create(open_store(URI), pipeline.build(registry))

    run.put("report.html", b"<html>")
    found = bucket.head_object(Bucket=BUCKET, Key=f"team/store/runs/{run.id}/report.html")
    assert key == found["SSEKMSKeyId"]
    assert f"{URI}?kms_key={key}" == Run.open(open_store(URI), run.id).store.uri
    own = f"{URI}?kms_key=alias/own"
    assert own == Run.open(open_store(own), run.id).store.uri


def test_a_report_opens_in_a_browser(store: Store, bucket: Any) -> None:
    """Objects have the type of their name, so that a link to a report shows it."""
    store.put("runs/1/report.html", b"<html>")

    assert "text/html" == bucket.head_object(Bucket=BUCKET, Key="team/store/runs/1/report.html")["ContentType"]


def test_one_process_of_this_machine_makes_an_artifact(store: Store, home: Path) -> None:
    """The work folder of this machine is shared by its processes, and locked."""
    program = (
        "import sys\nfrom llmops_sdk import open_store\n"
        f"with open_store({URI!r}).claim('artifacts/x'):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert b"held\n" == other.stdout.readline()
    waited: list[bool] = []

    def waiting() -> None:
        waited.append(True)
        other.kill()

    with store.claim("artifacts/x", waiting=waiting):
        assert [True] == waited
    other.communicate()
    assert (home / "locks").is_dir()


# -- URIs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s3://", "a store in S3 is written as 's3://bucket/prefix', not 's3://'"),
        ("s3://b/p?kms=1", "store 's3://b/p?kms=1' has no option 'kms'; available: profile, region, kms_key"),
        ("s3://b/p?region=x", "store 's3://b/p?region=x': region must be a region such as 'us-east-1', not 'x'"),
        ("gs://b/p", "no store opens 'gs://' URIs; known: a folder, s3://..."),
    ],
)
def test_a_uri_that_no_store_opens_is_told(uri: str, message: str) -> None:
    """One line says what is wrong and what there is; nothing is looked for on AWS."""
    with pytest.raises(SpecError) as found:
        open_store(uri)

    assert message == str(found.value)


def test_settings_of_a_pipeline_reach_the_store_and_its_uri(bucket: Any) -> None:  # noqa: ARG001 - it is there
    """Profile, region and key come from the settings, the URI's own win, and the whole is in the URI for children."""
    store = S3Store(f"{URI}?region=eu-west-1", {"region": "eu-north-1", "kms_key": "alias/runs", "bucket": "other"})

    assert f"{URI}?region=eu-west-1&kms_key=alias/runs" == store.uri
    assert store.uri == S3Store(store.uri, {}).uri


# -- what AWS may refuse ------------------------------------------------------------------------


@pytest.fixture(name="refusing")
def _refusing(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str, str], None]]:  # noqa: ARG001
    """An S3 that refuses everything, as it is told to."""
    status, body = 403, b""

    class Handler(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = _refuse  # noqa: N815 - names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_address[1]}")

    def refuse(number: int, code: str, message: str) -> None:
        nonlocal status, body
        status, body = number, f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()

    yield refuse
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (404, "NoSuchBucket", f"there is no bucket '{BUCKET}': create it with 'aws s3 mb s3://{BUCKET}'"),
        (403, "AccessDenied", "AWS denied access: in AWS's words; a store needs s3:ListBucket on the bucket"),
        (400, "ExpiredToken", "the AWS credentials have expired: renew them, then resume with llmops run --resume"),
        (403, "InvalidAccessKeyId", "AWS does not recognize the credentials: in AWS's words; check profile and keys"),
        (400, "KMS.DisabledException", "in AWS's words"),
    ],
)
def test_what_aws_refuses_is_told_in_one_line(
    status: int, code: str, told: str, refusing: Callable[[int, str, str], None]
) -> None:
    """Reading, writing, listing and deleting alike say what is wrong and how to mend it."""
    refusing(status, code, "in AWS's words")
    store = S3Store(URI, {})

    for use in (
        lambda: store.get("a"),
        lambda: store.put("a", b""),
        lambda: list(store.list("a")),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreError) as found:
            use()
        assert str(found.value).startswith(f"store '{URI}': {told}")
        assert "\n" not in str(found.value)


def test_no_bucket_no_credentials_no_network(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """What the machine lacks is told in one line too, by real refusals."""
    with pytest.raises(StoreError, match="there is no bucket 'llmops-runs'"):
        S3Store(URI, {}).get("a")
    with pytest.raises(StoreError, match=r"store 's3://.*': .*the config profile \(nobody\) could not be found"):
        S3Store(f"{URI}?profile=nobody", {}).get("a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(StoreError, match="AWS cannot be reached"):
        S3Store(URI, {}).get("a")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(StoreError, match="there are no AWS credentials"):
        S3Store(URI, {}).get("a")


# -- runs ---------------------------------------------------------------------------------------


def echo() -> Pipeline:
    """A quick pipeline."""
    made = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return made.with_model("echo", fine_tune=False).with_evaluator("echo-score")


def test_a_run_is_scored_anew_and_reported(store: Store, registry: Registry, tmp_path: Path) -> None:
    """`rescore` and `report` work on a run in S3; the location is the URI without its options."""
    run = echo().run(store=store, registry=registry, progress=Progress()).run

    again = rescore(run.id, ["qa-accuracy"], store=URI, registry=registry, progress=Progress())

    assert {"exact", "noise", "exact_match"} <= set(again.leaderboards[0].cells[0].estimates)
    assert f"{URI}/runs/{run.id}" == run.location
    assert run.id in again.report(tmp_path / "report.html").read_text(encoding="utf-8")


def test_weights_that_nobody_serves_are_not_fetched(
    store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that finds everything made reads no model's files from S3."""
    pipeline = Pipeline.builder("tuned").with_dataset("lines").with_prompt("bare").with_model("echo")
    pipeline = pipeline.with_evaluator("echo-score")
    fetched: list[str] = []
    download = S3Store.download

    def recording(self: S3Store, prefix: str, folder: Path) -> None:
        fetched.append(prefix)
        download(self, prefix, folder)

    monkeypatch.setattr(S3Store, "download", recording)

    pipeline.run(store=store, registry=registry, progress=Progress())
    assert 1 == sum(prefix.startswith("artifacts/model/") for prefix in fetched)
    fetched.clear()
    pipeline.run(store=store, registry=registry, progress=Progress())
    assert not [prefix for prefix in fetched if prefix.startswith("artifacts/model/")]


def test_the_command_line_takes_an_s3_store(store: Store, registry: Registry, tmp_path: Path) -> None:
    """`runs`, `show`, `logs`, `report` and `run --resume` in processes of their own, by `--store` or `LLMOPS_STORE`."""
    run = echo().run(store=store, registry=registry, progress=Progress()).run

    def llmops(*arguments: str, **variables: str) -> str:
        command = [sys.executable, "-m", "llmops_sdk.cli.main", *arguments]
        environment = {**os.environ, **variables}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    assert [run.id] == [metadata["run"] for metadata in json.loads(llmops("runs", "--json", "--store", URI))]
    assert f"report: {URI}/runs/{run.id}/report.html" in llmops("show", LLMOPS_STORE=URI)
    assert "out.html\n" == llmops("report", "-o", "out.html", "--store", URI)
    assert f"{URI}/runs/{run.id}/report.html\n" == llmops("report", "--store", f"{URI}?region=us-east-1")
    assert [] == [path for path in tmp_path.iterdir() if path.name not in ("out.html", "home")]


def test_a_step_in_a_child_leaves_its_record_and_log(store: Store, home: Path) -> None:
    """A child opens the store by its URI; what it logged and what it printed are one log in the store."""
    registry = Registry.load()
    runtime = Runtime(registry, home, offline=True)
    plan = Pipeline.builder().with_dataset("sample").with_model("smollm2", fine_tune=False).build(registry)
    run = Run.create(store, plan)

    record = Child(run, "prepare.sample", runtime, environment={"PYTHONWARNINGS": "nonsense"}).wait()

    assert isinstance(record, Succeeded)
    assert "Invalid -W option" in (store.get(f"runs/{run.id}/logs/prepare.sample.log") or b"").decode()


def test_a_killed_child_is_told_with_the_place_of_its_log(store: Store, home: Path) -> None:
    """The record of a child that ends without one says how, and where the log is."""
    registry = Registry.load()
    plan = Pipeline.builder().with_dataset("sample").with_model("smollm2", fine_tune=False).build(registry)
    run = Run.create(store, plan)
    child = Child(run, "prepare.sample", Runtime(registry, home, offline=True))
    os.kill(child._process.pid, signal.SIGKILL)

    record = child.wait()

    assert isinstance(record, Failed)
    assert "was killed by SIGKILL" in record.error
    assert f"(log: {URI}/runs/{run.id}/logs/prepare.sample.log)" in record.error
