"""Stores an instance in the Orthanc of this network, reads it back, finds it in the bucket, and deletes it.

    python -m tests.packaging.exercise CREDENTIALS...     "user:password" for Orthanc, and key, secret and bucket of S3

Run as a program, because it may have to enter another network. It fails with the first thing that is not as it must be.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from http.client import HTTPConnection, HTTPException
from typing import Any

import boto3
from botocore.config import Config

from tests import dicom

_PATIENCE = 60.0


def request(user: str, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One request to Orthanc."""
    connection = HTTPConnection("127.0.0.1", 8042, timeout=60)
    connection.request(method, path, body, {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"})
    answer = connection.getresponse()
    return answer.status, answer.read()


def wait(user: str) -> None:
    """Until Orthanc answers."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            if request(user, "GET", "/system")[0] == 200:
                return
        except (OSError, HTTPException):
            pass
        assert time.monotonic() < deadline, "Orthanc does not answer"
        time.sleep(0.05)


def objects(client: Any, bucket: str) -> dict[str, bytes]:
    """All of the bucket."""
    keys = [found["Key"] for found in client.list_objects_v2(Bucket=bucket).get("Contents", ())]
    return {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def main(user: str, key: str, secret: str, bucket: str) -> None:
    """See above."""
    client = boto3.client(
        "s3",
        endpoint_url="http://127.0.0.1:8333",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )
    data = dicom.instance(1)
    wait(user)
    assert {} == objects(client, bucket), "something is in the bucket before anything was stored"
    status, answer = request(user, "POST", "/instances", data)
    assert 200 == status, answer
    instance = json.loads(answer)["ID"]
    assert (200, data) == request(user, "GET", f"/instances/{instance}/file")
    assert data in objects(client, bucket).values(), "the instance is not in the bucket"
    assert 200 == request(user, "DELETE", f"/instances/{instance}")[0]
    assert 404 == request(user, "GET", f"/instances/{instance}/file")[0]
    assert {} == objects(client, bucket), "the instance is still in the bucket"


if __name__ == "__main__":
    main(*sys.argv[1:])
