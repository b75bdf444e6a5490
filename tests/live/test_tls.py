"""A real Orthanc with a server whose certificate is of an authority of one's own."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest

from tests import dicom
from tests.live.conftest import Launch
from tests.servers import Servers
from tests.servers.proxy import Proxy
from tests.servers.tls import Authority


@pytest.mark.parametrize("engine", ["obstore", "sdk"])
def test_the_authorities_of_orthanc_are_ours(make: Launch, servers: Servers, tmp_path: Path, engine: str) -> None:
    """HttpsCACertificates counts for the storage too; without it Orthanc does not start, and the log says why."""
    server = servers.get("seaweedfs")
    bucket = f"b{uuid.uuid4().hex[:20]}"
    medium = server.bucket(bucket)
    authority = Authority(tmp_path)
    with Proxy(f"127.0.0.1:{server.port}", authority.server()) as secure:
        options: dict[str, Any] = {**server.options(bucket, secure.endpoint), "Engine": engine}
        section = {"Backend": "s3", "Options": options}
        with make(section, HttpsCACertificates=str(authority.file)) as orthanc:
            data = dicom.sample()
            instance = orthanc.upload(data)
            assert data == orthanc.get(f"/instances/{instance}/file").body
            assert 1 == len(medium.keys())

        refused = make(section)
        refused.launch()
        assert 0 != refused.wait()
        assert "cannot write object" in refused.log
        assert "name its authority in CAFile" in refused.log
    medium.remove()
