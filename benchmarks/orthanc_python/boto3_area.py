"""What a user would write for the plugin orthanc-python: a storage area on S3 in ten lines. `clouds.py` runs it.

Its section `Boto3Area` of Orthanc's configuration: `Packages` (folder with boto3, for the Python of the system),
`Client` (arguments of boto3.client), `Connections` and `Bucket`.
"""

# ruff: noqa: D103, E402, INP001
import json
import sys

import orthanc  # type: ignore[import-not-found]

settings = json.loads(orthanc.GetConfiguration())["Boto3Area"]
sys.path.append(settings["Packages"])

import boto3
from botocore.config import Config

client = boto3.client("s3", **settings["Client"], config=Config(max_pool_connections=settings["Connections"]))
bucket = settings["Bucket"]


def key(uuid: str, content: int) -> str:
    return f"{uuid}.{content}"


def create(uuid: str, content: int, data: bytes) -> None:
    client.put_object(Bucket=bucket, Key=key(uuid, content), Body=data)


def read(uuid: str, content: int) -> bytes:
    return client.get_object(Bucket=bucket, Key=key(uuid, content))["Body"].read()  # type: ignore[no-any-return]


def remove(uuid: str, content: int) -> None:
    client.delete_object(Bucket=bucket, Key=key(uuid, content))


orthanc.RegisterStorageArea(create, read, remove)
