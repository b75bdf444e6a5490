"""A real Orthanc on object storage: what a user and an administrator see."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests import dicom
from tests.live.conftest import Launch
from tests.servers import Servers

CLOUDS = {"seaweedfs": "s3", "azurite": "azure", "fake-gcs": "gcs"}


@pytest.fixture(params=CLOUDS)
def name(request: pytest.FixtureRequest) -> str:
    """Each server in turn."""
    return str(request.param)


@pytest.fixture(params=["obstore", "sdk"])
def section(request: pytest.FixtureRequest, servers: Servers, name: str) -> tuple[dict[str, Any], Any]:
    """The configuration for a new bucket with each engine, and the bucket."""
    server = servers.get(name)
    bucket = f"b{uuid.uuid4().hex[:20]}"
    medium = server.bucket(bucket)
    return {"Backend": CLOUDS[name], "Options": server.options(bucket) | {"Engine": request.param}}, medium


def test_the_life_of_an_instance(make: Launch, section: tuple[dict[str, Any], Any]) -> None:
    """Uploaded, read whole and by its tags, modified, there after a restart, and gone after the deletion."""
    configuration, medium = section
    data = dicom.sample()
    with make(configuration) as orthanc:
        instance = orthanc.upload(data)
        assert data == orthanc.get(f"/instances/{instance}/file").body
        assert "SOPInstanceUID" in orthanc.get(f"/instances/{instance}/simplified-tags").json()
        (key,) = medium.keys()
        assert key.endswith(".dcm")
        assert data == medium.read(key)
        modified = orthanc.post(
            f"/instances/{instance}/modify", b'{"Replace": {"PatientName": "Nobody"}, "Force": true}'
        )
        assert b"Nobody" in modified.body
        metrics = orthanc.metrics()
        assert 1 == metrics["storage_plugins_put_success_total"]
        assert 1 <= metrics["storage_plugins_read_range_success_total"]
    with make(configuration) as orthanc:
        assert data == orthanc.get(f"/instances/{instance}/file").body
        assert 200 == orthanc.delete(f"/instances/{instance}").status
        assert set() == medium.keys()


def test_a_missing_object_is_a_404(make: Launch, section: tuple[dict[str, Any], Any]) -> None:
    """Not a server error."""
    configuration, medium = section
    with make(configuration) as orthanc:
        instance = orthanc.upload(dicom.sample())
        (key,) = medium.keys()
        medium.delete(key)

        assert 404 == orthanc.get(f"/instances/{instance}/file").status


def spoil_bucket(options: dict[str, Any]) -> None:
    """Nobody made it."""
    options["Bucket"] = "no-such-bucket"


def spoil_secret(options: dict[str, Any]) -> None:
    """Somebody else's."""
    options["SecretKey"] = "hunter2secret"


def spoil_endpoint(options: dict[str, Any]) -> None:
    """Nobody listens there."""
    options["Endpoint"] = "http://127.0.0.1:1"


@pytest.mark.parametrize("name", ["seaweedfs"], indirect=True)
@pytest.mark.parametrize(
    ("spoil", "reason", "remedy"),
    [
        (spoil_bucket, "NoSuchBucket", "Create the bucket"),
        (spoil_secret, "SignatureDoesNotMatch", "The secret key is not that of the access key"),
        (spoil_endpoint, "refused", "Check the endpoint"),
    ],
)
def test_what_does_not_work_refuses_the_start(
    make: Launch, section: tuple[dict[str, Any], Any], spoil: Callable[[dict[str, Any]], None], reason: str, remedy: str
) -> None:
    """Orthanc does not start, and the log says which verb failed, why, and what to do."""
    configuration, _ = section
    spoil(configuration["Options"])
    orthanc = make(configuration)
    orthanc.launch()

    assert 0 != orthanc.wait()
    assert "the storage does not work, cannot write an object" in orthanc.log
    assert reason in orthanc.log
    assert remedy in orthanc.log
    assert "hunter2secret" not in orthanc.log
