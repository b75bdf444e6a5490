"""Instances to store: the size of a CT slice, with pixel data that cannot be compressed."""

from __future__ import annotations

import io
import os

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid

_PIXELS = 512 * 512 * 2
_STUDY, _SERIES, _INSTANCE = (UID(f"2.25.{digit * 38}") for digit in "123")


def instances(count: int, *, one_study: bool = False) -> list[bytes]:
    """DICOM files of 531 KB with many attributes. Each is a study of its own, or all are one series of one study."""
    return _copies(count, _template(), one_study=one_study)


def slices(count: int) -> list[bytes]:
    """CT slices of 525 KB of one series: 512 x 512 pixels, and hardly more than a CT image must have beside them."""
    return _copies(count, _split(_ct_slice()), one_study=True)


def _copies(count: int, template: tuple[str, bytes], *, one_study: bool) -> list[bytes]:
    before, after = template
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
    template.PixelData = os.urandom(rows * columns * 2)
    return _split(template)


def _ct_slice() -> Dataset:
    """The attributes that the CT object requires, and what archives search for."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = CTImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = _INSTANCE
    made.StudyInstanceUID, made.SeriesInstanceUID, made.FrameOfReferenceUID = _STUDY, _SERIES, _STUDY
    made.PatientID, made.PatientName, made.PatientBirthDate, made.PatientSex = "1", "Bench^Mark", "19700101", "O"
    made.StudyDate, made.StudyTime, made.StudyID, made.AccessionNumber = "20260101", "120000", "1", "1"
    made.ReferringPhysicianName, made.PositionReferenceIndicator, made.Manufacturer = "", "", "Bench"
    made.Modality, made.SeriesNumber, made.AcquisitionNumber, made.InstanceNumber = "CT", 1, 1, 1
    made.ImageType, made.KVP, made.PatientPosition = ["ORIGINAL", "PRIMARY", "AXIAL"], 120, "HFS"
    made.ImagePositionPatient, made.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    made.PixelSpacing, made.SliceThickness, made.RescaleIntercept, made.RescaleSlope = [1, 1], 1, 0, 1
    made.SamplesPerPixel, made.PhotometricInterpretation, made.Rows, made.Columns = 1, "MONOCHROME2", 512, 512
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 16, 15, 1
    made.PixelData = os.urandom(_PIXELS)
    return made


def _split(template: Dataset) -> tuple[str, bytes]:
    file = io.BytesIO()
    template.save_as(file, enforce_file_format=True)
    before, after = file.getvalue().split(template.PixelData)
    return before.decode("latin-1"), after


def _uid() -> str:
    """As long as the ones in the template."""
    return generate_uid(prefix="2.25.")[:43].ljust(43, "0")
