"""The orthanc-python plugin in the same process: it embeds the same interpreter."""

from __future__ import annotations

from pathlib import Path

import pytest

from native_shim import build_shim
from storage_plugins.testing.orthanc import Orthanc
from tests import dicom
from tests.live.conftest import Launch

PYTHON_PLUGIN = "/usr/share/orthanc/plugins/libOrthancPython.so"
OURS = str(build_shim.default_output())


@pytest.fixture
def script(tmp_path: Path) -> str:
    """A script for orthanc-python that answers one route."""
    path = tmp_path / "script.py"
    path.write_text(
        "import orthanc\n"
        "def answer(output, uri, **request):\n"
        "    output.AnswerBuffer('from the script', 'text/plain')\n"
        "orthanc.RegisterRestCallback('/script', answer)\n"
    )
    return str(path)


def test_orthanc_python_before_ours(make: Launch, script: str) -> None:
    """Both work, under load of both, and Orthanc stops with exit status 0."""
    orthanc = make({}, plugins=[PYTHON_PLUGIN, OURS], PythonScript=script)
    orthanc.start()
    for seed in range(20):
        data = dicom.instance(seed)
        instance = orthanc.upload(data)
        assert data == orthanc.get(f"/instances/{instance}/file").body
        assert b"from the script" == orthanc.get("/script").body

    assert 0 == orthanc.stop()
    assert "finalised Python" not in orthanc.log


def test_orthanc_python_after_ours(make: Launch, script: str) -> None:
    """The order that would abort the process is refused, with the line to move."""
    orthanc = make({}, plugins=[OURS, PYTHON_PLUGIN], PythonScript=script)

    expect_refusal(orthanc, f'in "Plugins", move the line "{PYTHON_PLUGIN}" above "{OURS}"')


def test_orthanc_python_after_ours_without_a_script(make: Launch) -> None:
    """orthanc-python without a script does nothing, so the order does not matter."""
    orthanc = make({}, plugins=[OURS, PYTHON_PLUGIN])
    orthanc.start()
    orthanc.upload(dicom.sample())

    assert 0 == orthanc.stop()


def test_a_folder_of_plugins(make: Launch, script: str, tmp_path: Path) -> None:
    """In a folder the order is the file system's: it works, or it is refused with a remedy, but it never aborts."""
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "libOrthancPython.so").symlink_to(PYTHON_PLUGIN)
    (folder / "libOrthancStoragePlugins.so").symlink_to(OURS)
    orthanc = make({}, plugins=[str(folder)], PythonScript=script)
    ours_first = next(folder.iterdir()).name == "libOrthancStoragePlugins.so"
    if ours_first:
        expect_refusal(orthanc, f'put a line "{folder}/libOrthancPython.so" before it')
    else:
        orthanc.start()
        orthanc.upload(dicom.sample())
        assert 0 == orthanc.stop()


def expect_refusal(orthanc: Orthanc, message: str) -> None:
    """Asserts an orderly refusal: an exit status, not a signal."""
    orthanc.launch()
    assert orthanc.wait() > 0
    assert message in orthanc.log
