"""The store in S3: the promises of every store, whole runs, large files, and errors of AWS."""

from __future__ import annotations

import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("moto")

import boto3
import moto.s3.models

from llmops_plugins.sagemaker.store import S3Store
from llmops_sdk import Pipeline, Progress, Run, SpecError, Store, StoreError, clean, open_store, rescore
from llmops_sdk.cli.main import main
from llmops_sdk.pipeline.verification import verify_run
from llmops_sdk.plugin import Child, Runtime
from llmops_sdk.plugin.registry import Registry
from llmops_sdk.record.runs import list_runs
from llmops_sdk.values.step_records import Failed, Succeeded

from ...record import test_stores
from ...steps import test_step
from ...steps.conftest import _pipeline, _run, _two_models  # noqa: F401 - fixtures
from ...steps.test_step import _broken  # noqa: F401 - a fixture
from .buckets import Buckets

BUCKET = "llmops-runs"
URI = f"s3://{BUCKET}/team/store"


@pytest.fixture(name="bucket")
def _bucket(cloud: Any, home: Path) -> Any:  # noqa: ARG001 - both set the environment
    """An S3 client, and an empty bucket."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture(name="store")
def _store(bucket: Any) -> Store:  # noqa: ARG001 - it is there
    return open_store(URI)


# -- the tests that all stores pass, and those of whole runs --------------------------------------


def _take(module: ModuleType, *quick: str) -> None:
    """Add the tests of a module that use the fixture `store` or `run` to this module, whose store is in S3.

    Args:
        module: The module.
        quick: Tests that are quick here; if there are any, the others are slow: they send some hundred requests each.
    """
    for name, value in vars(module).items():
        if name.startswith("test_") and {"store", "run"} & set(inspect.signature(value).parameters):
            globals()[name] = value if not quick or name in quick else pytest.mark.slow(value)


_take(test_stores)
_take(test_step, "test_a_run_succeeds", "test_nothing_is_made_twice")


# -- S3 -----------------------------------------------------------------------------------------


def test_large_files_are_transferred_in_parts(store: Store, bucket: Any, tmp_path: Path) -> None:
    """A workspace with a large file and many small ones is uploaded and downloaded again."""
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


def test_copying_reads_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing object is not copied."""
    store.put("a/samples.jsonl", b"1\n")
    with monkeypatch.context() as patched:
        patched.setattr(S3Store, "get", lambda *_: pytest.fail("it was read"))
        store.copy("a/samples.jsonl", "b/samples.jsonl")
        store.copy("a/none", "b/none")

    assert b"1\n" == store.get("b/samples.jsonl")
    assert store.get("b/none") is None


def test_more_than_a_thousand_keys_are_listed_and_deleted(store: Store, bucket: Any) -> None:
    """In order, and no other keys."""
    kept = moto.s3.models.s3_backends["123456789012"]["aws"]
    for number in range(1005):
        kept.put_object(BUCKET, f"team/store/many/{number:04d}", b"")
    bucket.put_object(Bucket=BUCKET, Key="team/storefront", Body=b"another's")

    assert [f"many/{number:04d}" for number in range(1005)] == list(store.list("many/"))
    store.delete("many/")
    assert [] == list(store.list(""))
    assert bucket.head_object(Bucket=BUCKET, Key="team/storefront")


def test_more_than_a_thousand_keys_are_deleted_with_few_requests(
    store: Store, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand with each; the files are listed with their sizes and times."""
    kept = moto.s3.models.s3_backends["123456789012"]["aws"]
    for number in range(1005):
        kept.put_object(BUCKET, f"team/store/many/{number:04d}", b"12")
    bucket.put_object(Bucket=BUCKET, Key="team/storefront", Body=b"another's")
    requests: list[int] = []
    delete_page = S3Store._delete_page

    def counted(self: S3Store, page: Sequence[str]) -> None:
        requests.append(len(page))
        delete_page(self, page)

    monkeypatch.setattr(S3Store, "_delete_page", counted)

    files = list(store.files("many/"))
    assert {2} == {file.size for file in files}
    assert all(abs(time.time() - (file.modified or 0)) < 600 for file in files)
    store.delete_keys(file.key for file in files)

    assert [1000, 5] == requests
    assert [] == list(store.files(""))


def test_runs_in_s3_are_freed(store: Store, registry: Registry) -> None:
    """What another run needs stays; the bytes are those that the bucket has no more."""

    def run(**options: Any) -> Run:
        pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
        pipeline = pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score").with_generation(**options)
        return pipeline.run(store=store, registry=registry, progress=Progress()).run

    freed, kept = run(), run(max_new_tokens=3)
    before = sum(file.size for file in store.files(""))

    looked = clean(freed.id, store=store, registry=registry, progress=Progress(), dry_run=True)
    done = clean(freed.id, store=store, registry=registry, progress=Progress())

    assert looked.size == done.size == before - sum(file.size for file in store.files(""))
    assert {"generations": 1, "samples": 1, "scores": 1, "results": 1} == done.artifacts
    assert [kept.id] == [metadata.run for metadata in list_runs(store)]
    assert () == verify_run(Run.open(store, kept.id)).damages
    assert not [file.key for file in store.files("") if freed.id in file.key]


def test_lines_of_a_large_object_are_read_through_a_file(store: Store) -> None:
    """Lines are split only at line ends, across the parts of the object."""
    lines = [f'{{"index":{number},"text":"\u2028{"x" * 1000}"}}\n'.encode() for number in range(12_000)]
    store.put("samples.jsonl", b"".join(lines))

    assert lines == list(store.read_lines("samples.jsonl"))


def test_a_key_that_points_outside_of_its_folder_is_refused(store: Store, bucket: Any) -> None:
    """A foreign object cannot be written beside the folder."""
    bucket.put_object(Bucket=BUCKET, Key="team/store/a/../../evil", Body=b"evil")

    with pytest.raises(StoreError, match="points outside of its folder"), store.folder("a"):
        pass


def test_every_object_is_encrypted_with_the_chosen_key(bucket: Any, tmp_path: Path) -> None:
    """Puts, uploads and copies use the KMS key of the URI or of the settings."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    for store in (S3Store(f"{URI}?kms_key={key}", {}), S3Store(URI, {"kms_key": key})):
        store.put("put", b"1")
        store.copy("put", "copied")
        with store.workspace("w", tmp_path) as folder:
            (folder / "file").write_text("1", encoding="utf-8")

        for name in ("put", "copied", "w/file"):
            stored = bucket.head_object(Bucket=BUCKET, Key=f"team/store/{name}")
            assert ("aws:kms", key) == (stored["ServerSideEncryption"], stored["SSEKMSKeyId"])
        assert f"{URI}?kms_key={key}" == store.uri
        assert f"{URI}/put" == store.locate("put")


def test_a_run_is_encrypted_with_the_key_of_its_settings(bucket: Any, registry: Registry) -> None:
    """Also if the store was opened without; the key of the URI has precedence."""
    key = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
    pipeline = echo().with_settings("sagemaker", kms_key=key, profile="alice")
    run = Run.create(open_store(URI), pipeline.build(registry))

    run.put("report.html", b"<html>")
    stored = bucket.head_object(Bucket=BUCKET, Key=f"team/store/runs/{run.id}/report.html")
    assert key == stored["SSEKMSKeyId"]
    assert f"{URI}?kms_key={key}" == Run.open(open_store(URI), run.id).store.uri
    own = f"{URI}?kms_key=alias/own"
    assert own == Run.open(open_store(own), run.id).store.uri


def test_objects_have_a_content_type(store: Store, bucket: Any) -> None:
    """A browser shows a report instead of downloading it."""
    store.put("runs/1/report.html", b"<html>")

    assert "text/html" == bucket.head_object(Bucket=BUCKET, Key="team/store/runs/1/report.html")["ContentType"]


def test_one_process_of_a_machine_makes_an_artifact(store: Store, home: Path) -> None:
    """The processes of a machine share its work folder, which is locked."""
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
        (
            "s3://b/p?kms=1",
            "store 's3://b/p?kms=1' has no option 'kms'; available: profile, region, kms_key, bucket_owner",
        ),
        ("s3://b/p?region=x", "store 's3://b/p?region=x': region must be a region such as 'us-east-1', not 'x'"),
        ("gs://b/p", "no store opens 'gs://' URIs; known: a folder, s3://..."),
    ],
)
def test_a_wrong_uri_is_an_error(uri: str, message: str) -> None:
    """The error names the problem and the options; no request is sent."""
    with pytest.raises(SpecError) as caught:
        open_store(uri)

    assert message == str(caught.value)


def test_the_store_uses_the_settings_of_the_pipeline(bucket: Any) -> None:  # noqa: ARG001 - it is there
    """Profile, region and key; the URI has precedence, and the store's URI has all of them for child processes."""
    store = S3Store(f"{URI}?region=eu-west-1", {"region": "eu-north-1", "kms_key": "alias/runs", "bucket": "other"})

    assert f"{URI}?region=eu-west-1&kms_key=alias/runs" == store.uri
    assert store.uri == S3Store(store.uri, {}).uri


# -- owners of buckets ---------------------------------------------------------------------------


def test_every_request_expects_the_owner_of_the_bucket(store: Store, buckets: Buckets, tmp_path: Path) -> None:
    """Reading, writing, listing, copying and deleting, in parts and in whole."""
    store.put("a/lines.jsonl", b"1\n")
    store.get("a/lines.jsonl")
    store.get("a/none")
    list(store.read_lines("a/lines.jsonl"))
    store.copy("a/lines.jsonl", "b/lines.jsonl")
    with store.workspace("model/1", tmp_path / "work") as folder:
        (folder / "weights").write_bytes(b"x" * (20 << 20))
    with store.folder("model/1"):
        pass
    store.delete("")

    assert {"GET", "HEAD", "PUT", "POST"} == {sent.method for sent in buckets.of(BUCKET)}
    assert {"123456789012"} == {sent.owner for sent in buckets.of(BUCKET)}


def test_a_bucket_of_another_account_needs_its_owner_in_the_uri(bucket: Any, buckets: Buckets) -> None:  # noqa: ARG001 - it is there
    """The error shows how; the setting `bucket_owner` is about the settings' bucket only."""
    buckets.owners[BUCKET] = "999999999999"
    for settings in ({}, {"bucket": "other", "bucket_owner": "999999999999"}):
        with pytest.raises(StoreError, match=r"account 123456789012 \(of another one: s3://.*\?bucket_owner=ID\)"):
            S3Store(URI, settings).put("a", b"")
    for store in (
        S3Store(f"{URI}?bucket_owner=999999999999", {}),
        S3Store(URI, {"bucket": BUCKET, "bucket_owner": "999999999999"}),
    ):
        store.put("a", b"1")
        assert f"{URI}?bucket_owner=999999999999" == store.uri


# -- errors of AWS -------------------------------------------------------------------------------


@pytest.fixture(name="refusing")
def _refusing(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str, str], None]]:  # noqa: ARG001
    """An S3 that answers every request with an error."""
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
    ("status", "code", "message"),
    [
        (404, "NoSuchBucket", f"there is no bucket '{BUCKET}': create it with 'aws s3 mb s3://{BUCKET}'"),
        (403, "AccessDenied", "AWS denied access: in AWS's words; a store needs s3:ListBucket on the bucket"),
        (
            400,
            "ExpiredToken",
            "the AWS credentials have expired: renew them with 'aws sso login' or new keys, then resume with llmops run --resume",
        ),
        (403, "InvalidAccessKeyId", "AWS does not recognize the credentials: in AWS's words; check profile and keys"),
        (400, "KMS.DisabledException", "in AWS's words"),
    ],
)
def test_an_error_of_aws_is_one_line(
    status: int, code: str, message: str, refusing: Callable[[int, str, str], None]
) -> None:
    """Reading, writing, listing and deleting report the problem and how to fix it."""
    refusing(status, code, "in AWS's words")
    store = S3Store(URI, {})

    for use in (
        lambda: store.get("a"),
        lambda: store.put("a", b""),
        lambda: list(store.list("a")),
        lambda: store.delete("a"),
    ):
        with pytest.raises(StoreError) as caught:
            use()
        assert str(caught.value).startswith(f"store '{URI}': {message}")
        assert "\n" not in str(caught.value)


def test_a_missing_bucket_credentials_or_network_are_errors(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """With real errors of boto3."""
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
    """Return a quick pipeline."""
    pipeline = Pipeline.builder("echo").with_dataset("lines").with_prompt("bare")
    return pipeline.with_model("echo", fine_tune=False).with_evaluator("echo-score")


def test_a_run_in_s3_can_be_rescored_and_reported(store: Store, registry: Registry, tmp_path: Path) -> None:
    """Its location is the URI without options."""
    run = echo().run(store=store, registry=registry, progress=Progress()).run

    again = rescore(run.id, ["qa-accuracy"], store=URI, registry=registry, progress=Progress())

    assert {"exact", "noise", "exact_match"} <= set(again.leaderboards[0].cells[0].estimates)
    assert f"{URI}/runs/{run.id}" == run.location
    assert run.id in again.report(tmp_path / "report.html").read_text(encoding="utf-8")


def test_unused_weights_are_not_downloaded(store: Store, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that reuses every answer reads no files of a model from S3."""
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


def test_the_commands_accept_an_s3_store(
    store: Store,
    registry: Registry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`runs`, `show` and `report` with `--store` or `LLMOPS_STORE`."""
    run = echo().run(store=store, registry=registry, progress=Progress()).run
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()

    def llmops(*arguments: str, **variables: str) -> str:
        with monkeypatch.context() as patch:
            for name, text in variables.items():
                patch.setenv(name, text)
            assert 0 == main(list(arguments))
        return capsys.readouterr().out

    assert [run.id] == [metadata["run"] for metadata in json.loads(llmops("runs", "--json", "--store", URI))]
    assert f"report: {URI}/runs/{run.id}/report.html" in llmops("show", LLMOPS_STORE=URI)
    assert "out.html\n" == llmops("report", "-o", "out.html", "--store", URI)
    assert f"{URI}/runs/{run.id}/report.html\n" == llmops("report", "--store", f"{URI}?region=us-east-1")
    assert [] == [path for path in tmp_path.iterdir() if path.name not in ("out.html", "home")]


def test_a_child_process_writes_record_and_log(store: Store, home: Path) -> None:
    """It opens the store by its URI; logging and output are in one log."""
    registry = Registry.load()
    runtime = Runtime(registry, home, offline=True)
    plan = Pipeline.builder().with_dataset("sample").with_model("smollm2", fine_tune=False).build(registry)
    run = Run.create(store, plan)

    record = Child(run, "prepare.sample", runtime, environment={"PYTHONWARNINGS": "nonsense"}).wait()

    assert isinstance(record, Succeeded)
    assert "Invalid -W option" in (store.get(f"runs/{run.id}/logs/prepare.sample.log") or b"").decode()


def test_the_record_of_a_killed_child_names_its_log(store: Store, home: Path) -> None:
    """The record has the signal too."""
    registry = Registry.load()
    plan = Pipeline.builder().with_dataset("sample").with_model("smollm2", fine_tune=False).build(registry)
    run = Run.create(store, plan)
    child = Child(run, "prepare.sample", Runtime(registry, home, offline=True))
    os.kill(child._process.pid, signal.SIGKILL)

    record = child.wait()

    assert isinstance(record, Failed)
    assert "was killed by SIGKILL" in record.error
    assert f"(log: {URI}/runs/{run.id}/logs/prepare.sample.log)" in record.error


def test_an_offline_run_cannot_use_a_store_in_s3(registry: Registry) -> None:
    """The error shows what to do."""
    with pytest.raises(
        SpecError, match="'s3://bucket/x' needs the network, but this run is offline: keep it in a folder"
    ):
        Pipeline.builder().with_model("echo").with_evaluator("echo-score").run(
            store="s3://bucket/x", offline=True, registry=registry
        )
