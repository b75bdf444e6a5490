"""Real DICOM instances for tests."""

from __future__ import annotations

import io
import random
from functools import cache
from pathlib import Path

import pydicom
import pydicom.data
from pydicom.uid import generate_uid

FOLDER = Path(pydicom.data.__file__).parent / "test_files"


def sample(name: str = "CT_small.dcm") -> bytes:
    """One of the files that pydicom ships."""
    return (FOLDER / name).read_bytes()


@cache
def _template() -> bytes:
    return sample()


def instance(seed: int, *, study: int = 0, pixels: int = 32_768) -> bytes:
    """A CT instance of its own with `pixels` bytes of noise, a multiple of 1024.

    Instances of one `study` belong together.
    """
    source = random.Random(seed)
    dataset = pydicom.dcmread(io.BytesIO(_template()))
    dataset.PatientID = f"TEST-{study}"
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=[f"study {study}"])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[f"series {study}"])
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[f"instance {study} {seed}"])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Rows, dataset.Columns = pixels // 1024, 512
    dataset.PixelData = source.randbytes(pixels)
    target = io.BytesIO()
    dataset.save_as(target)
    return target.getvalue()


def relabel(data: bytes, seed: int) -> bytes:
    """The same instance with another SOPInstanceUID of the same length, in the file meta information and the data."""
    uid = str(pydicom.dcmread(io.BytesIO(data), specific_tags=["SOPInstanceUID"]).SOPInstanceUID)
    digits = f"{seed:012d}"
    return data.replace(uid.encode(), (uid[: -len(digits)] + digits).encode())


def variant(template: bytes, seed: int) -> bytes:
    """Another instance of the same length: the last digits of its identifier, and the last pixels, are its own."""
    data = relabel(template, seed)
    return data[:-8] + seed.to_bytes(8, "little")
