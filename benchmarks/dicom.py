"""Instances to store: the size of a CT slice, with pixel data that cannot be compressed."""

from __future__ import annotations

import io
import os

import pydicom
from pydicom.data import get_testdata_file
from pydicom.uid import UID, generate_uid

_PIXELS = 512 * 512 * 2
_STUDY, _SERIES, _INSTANCE = (UID(f"2.25.{digit * 38}") for digit in "123")


def instances(count: int, *, one_study: bool = False) -> list[bytes]:
    """DICOM files of 525 KB. Each is a study of its own, or all are one series of one study."""
    before, after = _template()
    made = []
    study, series = _uid(), _uid()
    for _ in range(count):
        if not one_study:
            study, series = _uid(), _uid()
        header = before.replace(_STUDY, study).replace(_SERIES, series).replace(_INSTANCE, _uid())
        made.append(b"".join((header.encode("latin-1"), os.urandom(_PIXELS), after)))
    return made


def large(megabytes: int) -> bytes:
    """One DICOM file."""
    before, after = _template(rows=100 * megabytes, columns=5000)
    return b"".join((before.encode("latin-1"), os.urandom(megabytes * 1_000_000), after))


def _template(rows: int = 512, columns: int = 512) -> tuple[str, bytes]:
    """What is before and after the pixels. Writing each file with pydicom would take longer than to measure it."""
    template = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    template.Rows, template.Columns = rows, columns
    template.StudyInstanceUID, template.SeriesInstanceUID = _STUDY, _SERIES
    template.SOPInstanceUID = template.file_meta.MediaStorageSOPInstanceUID = _INSTANCE
    pixels = template.PixelData = os.urandom(rows * columns * 2)
    file = io.BytesIO()
    template.save_as(file)
    before, after = file.getvalue().split(pixels)
    return before.decode("latin-1"), after


def _uid() -> str:
    """As long as the ones in the template."""
    return generate_uid(prefix="2.25.")[:43].ljust(43, "0")
