"""A real Orthanc with the plugin: stores real DICOM files, reads them back, shows where they lie. See script/server."""

from __future__ import annotations

import argparse
import hashlib
import signal
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import json5
import pydicom.data
from rich.console import Console
from rich.table import Table

from native_shim import build_shim
from storage_plugins.testing.orthanc import Orthanc, OrthancError
from storage_plugins.testing.ports import free_ports, is_free

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "docs" / "examples" / "local.json"
# A CT, an MR, a plan, a dose, an ECG, colour images, and compressed ones.
FILES = (
    "CT_small.dcm", "MR_small.dcm", "rtplan.dcm", "rtdose.dcm", "waveform_ecg.dcm", "examples_overlay.dcm",
    "examples_rgb_color.dcm", "examples_palette.dcm", "examples_jpeg2k.dcm", "SC_rgb_jpeg_dcmd.dcm",
    "SC_ybr_full_422_uncompressed.dcm", "JPGExtended.dcm",
)  # fmt: skip


def dicom_files() -> list[Path]:
    """Real DICOM files that pydicom ships."""
    folder = Path(pydicom.data.__file__).parent / "test_files"
    return [folder / name for name in FILES]


def compare(orthanc: Orthanc, console: Console) -> bool:
    """Stores the files, reads them back through Orthanc, and finds each on disk. True when every byte is the same."""
    table = Table(title="Attachments on disk", title_justify="left")
    for column in ("DICOM file", "bytes", "read back", "file below the storage folder"):
        table.add_column(column, justify="right" if column == "bytes" else "left", no_wrap=column != "DICOM file")
    stored = [(file, orthanc.upload(file.read_bytes())) for file in dicom_files()]
    on_disk = {
        hashlib.sha256(path.read_bytes()).digest(): path.relative_to(orthanc.storage)
        for path in orthanc.storage.rglob("*-*-*-*-*")
    }
    good = True
    for file, instance in stored:
        data = file.read_bytes()
        same = orthanc.get(f"/instances/{instance}/file").body == data
        where = on_disk.get(hashlib.sha256(data).digest())
        good = good and same and where is not None
        table.add_row(
            file.name, str(len(data)), "[green]same" if same else "[red]DIFFERENT", str(where or "[red]NOWHERE")
        )
    console.print(table)
    return good


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="script/server", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the comparison")
    parser.add_argument("--data", type=Path, help="folder of Orthanc (default: .demo; with --once a temporary one)")
    parser.add_argument("--port", type=int, default=8042, help="of the web page (default: 8042, or a free one)")
    return parser.parse_args()


def interrupt(_signal: int, _frame: object) -> None:
    """SIGTERM ends the demonstration as Ctrl-C does."""
    raise KeyboardInterrupt


def run(folder: Path, wanted_port: int, console: Console, *, once: bool) -> bool:
    """Runs the demonstration in a folder. True when every byte was the same."""
    configuration: dict[str, Any] = json5.loads(EXAMPLE.read_text())
    configuration |= {"StorageDirectory": str(folder / "orthanc-data"), "Plugins": [str(build_shim.default_output())]}
    orthanc = Orthanc(folder, configuration, port=_port(wanted_port), dicom_port=_port(4242))
    if orthanc.port != wanted_port:
        console.print(f"Port {wanted_port} is in use, taking {orthanc.port}")
    with orthanc:
        good = compare(orthanc, console)
        console.print("Every byte came back." if good else "[red]NOT every byte came back.")
        if not once:
            console.print(f"Orthanc's web page: {orthanc.url}/app/explorer.html")
            console.print(f"DICOM: AET ORTHANC, port {orthanc.dicom_port}. Log: {orthanc.log_file}")
            console.print("Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                signal.pause()
    console.print("Orthanc has stopped.")
    return good


def _port(wanted: int) -> int:
    return wanted if is_free(wanted) else free_ports(1)[0]


def main() -> int:
    """0 when every byte was the same."""
    chosen = arguments()
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        with TemporaryDirectory(prefix="orthanc-demo-") as temporary:
            folder = chosen.data or (Path(temporary) if chosen.once else HERE.parent / ".demo")
            return 0 if run(folder, chosen.port, console, once=chosen.once) else 1
    except OrthancError as error:
        console.print(f"[red]{error}")
        return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    sys.exit(main())
