"""The AWS account: region, role, bucket, uploads, tags and logs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import boto3
import pytest

from llmops_plugins.sagemaker.aws.account import Aws
from llmops_plugins.sagemaker.settings import SageMakerSettings
from llmops_sdk import UserError
from llmops_sdk.plugin import Context

from ..buckets import Buckets
from ..fixtures import BUCKET, REGION, ROLE, Cloud

pytestmark = pytest.mark.usefixtures("cloud")


def account(**settings: object) -> Aws:
    return Aws(SageMakerSettings.from_mapping({"role": ROLE, "region": REGION, **settings}))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"role": ""},
            "SageMaker needs an execution role, and arn:aws:sts::123456789012:user/moto is not a role: with",
        ),
        ({"role": "nobody"}, "there is no role 'nobody' in account 123456789012: set the ARN of an existing one"),
        ({"profile": "nobody"}, r"the config profile \(nobody\) could not be found: set another one"),
    ],
)
def test_a_missing_role_or_profile_is_an_error(settings: dict[str, str], message: str) -> None:
    """The error is one line that says what to set."""
    pytest.importorskip("sagemaker")
    aws = account(**settings)
    with pytest.raises(UserError, match=message):
        _ = aws.identity["Arn"], aws.role


def test_a_role_can_be_set_by_name() -> None:
    """Its ARN is looked up."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=policy)["Role"]["Arn"]

    assert arn == account(role="worker").role


def test_the_role_of_a_job_is_used_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """In Studio or in a job, the process has the execution role itself."""
    pytest.importorskip("sagemaker")
    identity = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/llmops/session"}
    monkeypatch.setattr(Aws, "identity", identity)

    assert ROLE == account(role="").role


def test_a_missing_region_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the setting and the variable."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UserError, match=r"no AWS region is set: with_settings.* or set AWS_DEFAULT_REGION"):
        _ = account(region="").region


def test_missing_credentials_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the commands that fix it."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match="there are no AWS credentials: run 'aws configure'"):
        _ = account().identity


def test_an_offline_step_has_no_account(make_context: Callable[..., Context]) -> None:
    """The error shows how to run it."""
    with pytest.raises(UserError, match="SageMaker needs the network, but this run is offline"):
        Aws.of(make_context(offline=True))


def test_the_default_bucket_is_created_once(cloud: Cloud) -> None:
    """In the region of the account; its name needs no request to S3."""
    pytest.importorskip("sagemaker")
    for region in (REGION, "eu-west-1"):
        aws = account(region=region)
        name = f"sagemaker-{region}-123456789012"
        assert name == aws.bucket_name
        assert [] == cloud.requests("CreateBucket")
        assert name == aws.bucket == account(region=region).bucket
        assert f"s3://{name}/llmops/a/b" == aws.uri("a", "b")
    assert {BUCKET, "sagemaker-eu-west-1-123456789012"} == {
        bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]
    }


def test_a_missing_bucket_of_the_settings_is_an_error() -> None:
    """It is not created."""
    with pytest.raises(UserError, match="there is no bucket 'not-there': create it, or set another one"):
        _ = account(bucket="not-there").bucket
    assert [] == boto3.client("s3").list_buckets()["Buckets"]


def test_an_upload_is_encrypted_and_not_repeated(tmp_path: Path) -> None:
    """An object of the same length is kept, since its URI contains the hash of its content."""
    pytest.importorskip("sagemaker")
    key = "arn:aws:kms:us-east-1:123456789012:key/k"
    aws, path = account(kms_key=key), tmp_path / "file"
    path.write_bytes(b"one")
    uri = aws.uri("data", "hash")
    aws.upload(path, uri)
    path.write_bytes(b"two")
    aws.upload(path, uri)
    aws.put(b"three", aws.uri("data", "other"))
    s3 = boto3.client("s3")
    stored = [s3.get_object(Bucket=BUCKET, Key=f"llmops/data/{name}") for name in ("hash", "other")]

    assert [b"one", b"three"] == [answer["Body"].read() for answer in stored]
    assert [key, key] == [answer["SSEKMSKeyId"] for answer in stored]


ACCOUNT = "123456789012"


def test_every_request_to_the_bucket_expects_its_owner(tmp_path: Path, buckets: Buckets) -> None:
    """Looking, creating an object and uploading a large file in parts, by the clients of every configuration."""
    pytest.importorskip("sagemaker")
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    buckets.sent.clear()
    aws, path = account(), tmp_path / "file"
    path.write_bytes(b"x" * (9 << 20))
    aws.upload(path, aws.uri("data", "large"))
    aws.put(b"small", aws.uri("data", "small"))
    aws.client("s3").copy({"Bucket": BUCKET, "Key": "llmops/data/small"}, BUCKET, "copy")
    aws.session.resource("s3").Bucket(BUCKET).Object("copy").delete()

    assert {"HEAD", "PUT", "POST", "DELETE"} == {sent.method for sent in buckets.of(BUCKET)}
    assert {ACCOUNT} == {sent.owner for sent in buckets.of(BUCKET)}


def test_buckets_of_others_are_read_as_they_are(buckets: Buckets) -> None:
    """JumpStart's, for one."""
    s3 = account().client("s3")
    with pytest.raises(s3.exceptions.NoSuchBucket):
        s3.get_object(Bucket="jumpstart-cache-prod-us-east-1", Key="models_manifest.json")

    assert [""] == [sent.owner for sent in buckets.of("jumpstart-cache-prod-us-east-1")]


def test_a_default_bucket_of_another_account_is_refused(buckets: Buckets) -> None:
    """Its name is known, and whoever creates it first would get the data."""
    pytest.importorskip("sagemaker")
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    buckets.owners[BUCKET] = "999999999999"
    buckets.sent.clear()

    with pytest.raises(UserError, match=f"bucket '{BUCKET}' belongs to another account than {ACCOUNT}, or AWS denied"):
        _ = account().bucket

    assert ["HEAD"] == [sent.method for sent in buckets.of(BUCKET)]


def test_a_bucket_of_another_account_can_be_used_on_purpose(buckets: Buckets) -> None:
    """With `bucket_owner`; each request expects that account."""
    boto3.client("s3").create_bucket(Bucket="theirs")
    buckets.owners["theirs"] = "999999999999"

    with pytest.raises(UserError, match="or its account with bucket_owner="):
        _ = account(bucket="theirs").bucket
    buckets.sent.clear()
    assert "theirs" == account(bucket="theirs", bucket_owner="999999999999").bucket
    assert {"999999999999"} == {sent.owner for sent in buckets.of("theirs")}


def test_an_s3_without_accounts_is_asked_without_an_owner(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service of another vendor, with the STS of AWS, which does not know its keys, or without an STS."""

    def owner_of_mine() -> str:
        aws = account(bucket="mine")
        assert "mine" == aws.bucket_name
        return aws.owner("mine")

    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://sts.us-east-1.amazonaws.com")
    assert "" == owner_of_mine()
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS")
    cloud.faults["GetCallerIdentity"] = [(400, "InvalidAction", "no such action")]
    assert "" == owner_of_mine()
    assert "123456789012" == owner_of_mine()
    aws = account(bucket="mine")
    aws.expect_owner("s3://mine/x?bucket_owner=999999999999")
    assert "999999999999" == aws.owner("mine")


def test_clients_are_made_once() -> None:
    """A client with its own configuration is made each time."""
    from botocore.config import Config

    aws = account()

    assert aws.client("sts") is aws.client("sts")
    assert aws.client("sts", Config(read_timeout=1)) is not aws.client("sts")
    assert REGION == aws.client("sts").meta.region_name


def test_created_resources_have_the_tags_of_run_step_and_expiry(make_context: Callable[..., Context]) -> None:
    """The expiry is after the longest use."""
    aws = account(tags={"team": "nlp"}, expire_hours=1)
    tags = {tag["Key"]: tag["Value"] for tag in aws.tags(make_context())}

    assert {"team": "nlp", "llmops:run-id": "run-1", "llmops:step": "train.llama"}.items() <= tags.items()
    expiry = datetime.fromisoformat(tags["llmops:expires-at"]).timestamp()
    assert 3500 < expiry - time.time() <= 3600
    (renewed, other) = aws.renewed([{"Key": "llmops:expires-at", "Value": "old"}, {"Key": "a", "Value": "b"}], 7200)
    assert {"Key": "a", "Value": "b"} == other
    assert 7100 < datetime.fromisoformat(renewed["Value"]).timestamp() - time.time() <= 7200
    assert 7100 < datetime.fromisoformat(aws.expires(7200)).timestamp() - time.time() <= 7200


def test_the_last_log_lines_are_those_of_the_newest_stream() -> None:
    """Each is one line; a missing group has none."""
    logs, now = boto3.client("logs"), int(time.time() * 1000)
    logs.create_log_group(logGroupName="group")
    for age, stream in enumerate(("job/new", "job/old", "other/newest")):
        logs.create_log_stream(logGroupName="group", logStreamName=stream)
        events = [{"timestamp": now - 1000 * age + n, "message": f"{stream}\nline {n}"} for n in range(3)]
        logs.put_log_events(logGroupName="group", logStreamName=stream, logEvents=events)

    assert ["job/new line 1", "job/new line 2"] == account().last_log_lines("group", "job/", lines=2)
    assert [] == account().last_log_lines("no-group", "")
