"""A grey image as a DICOM file of the kind that SIIM-ACR holds."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, SecondaryCaptureImageStorage

JPEG_QUALITY = 92
IMPLEMENTATION = UID("1.2.826.0.1.3680043.8.498.1")


def write_dicom(
    path: Path,
    image: npt.NDArray[np.uint8],
    *,
    study: str,
    series: str,
    instance: str,
    patient_id: str,
    sex: str,
    age: int,
    view: str,
) -> None:
    """Write an 8-bit MONOCHROME2 secondary capture, JPEG baseline encapsulated (1.2.840.10008.1.2.4.50).

    Nothing in the file depends on when or where it was written.
    """
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(instance)
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = instance
    dataset.StudyInstanceUID = study
    dataset.SeriesInstanceUID = series
    dataset.PatientID = patient_id
    dataset.PatientName = patient_id
    dataset.PatientSex = sex
    dataset.PatientAge = f"{age:03d}Y"
    dataset.Modality = "CR"
    dataset.ConversionType = "WSD"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = view
    dataset.Rows, dataset.Columns = image.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    jpeg = io.BytesIO()
    Image.fromarray(image).save(jpeg, "JPEG", quality=JPEG_QUALITY)
    dataset.PixelData = encapsulate([jpeg.getvalue()])
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
