"""From an image to its masks, files of the same path or name in a folder for each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from wsmis_core.data.index import DataProblem
from wsmis_core.data.layouts.file_names import file_key
from wsmis_core.data.layouts.listing import ListedMaskFile

__all__ = ["MaskFinder"]


class MaskFinder:
    """Finds masks by the path of their image, or by its name where one image alone is called so."""

    def __init__(
        self, masks: Iterable[str], images: Iterable[str], *, folder: str, class_folders: Sequence[str]
    ) -> None:
        """``folder`` is that of all the images, ``class_folders`` those of the masks of each class.

        All paths are relative to the root.
        """
        self._folder = folder
        self._class_folders = [str(PurePosixPath(folder)) for folder in class_folders]
        self._masks: dict[str, list[str]] = {}
        for mask in masks:
            self._masks.setdefault(file_key(str(PurePosixPath(mask).with_suffix(""))), []).append(mask)
        paths = [file_key(self._path(image)) for image in images]
        self._at = Counter(paths)
        self._called = Counter(path.rpartition("/")[2] for path in paths)
        self._missing: list[DataProblem] = []
        self._unclear: dict[str, DataProblem] = {}

    @property
    def problems(self) -> list[DataProblem]:
        """Labels without a mask, and masks that may be of several images, once each."""
        return [*self._unclear.values(), *self._missing]

    def masks_of(self, image: str, labels: Sequence[int]) -> tuple[ListedMaskFile, ...]:
        """The masks that are there; a label without its mask, and one that may be another's, is a problem."""
        found: list[ListedMaskFile] = []
        path = self._path(image)
        for class_id, (label, folder) in enumerate(zip(labels, self._class_folders, strict=True), start=1):
            mask = self._find(image, path, folder)
            if mask is not None:
                found.append(ListedMaskFile(class_id, mask))
            elif label:
                problem = DataProblem(
                    file=image,
                    message=f"it is labelled, and there is no mask {folder}/{path}.png.",
                    remedy="Add the mask; until then the image trains and is not scored.",
                )
                self._missing.append(problem)
        return tuple(found)

    def _find(self, image: str, path: str, folder: str) -> str | None:
        key = file_key(path)
        name = key.rpartition("/")[2]
        for wanted, images in ((key, self._at[key]), (name, self._called[name])):
            masks = self._masks.get(f"{file_key(folder)}/{wanted}".removeprefix("./"), [])
            if len(masks) == images == 1:
                return masks[0]
            if masks:
                problem = DataProblem(
                    file=masks[0],
                    message=f"it is not used by its name: images called so: {images}, such as {image}; "
                    f"masks: {len(masks)}.",
                    remedy=f"Put each mask at its image's path, as in {folder}/{path}.png; "
                    "rename files whose paths differ in suffix or case alone.",
                )
                self._unclear.setdefault(masks[0], problem)
                return None
        return None

    def _path(self, image: str) -> str:
        """The image's path below the images' folder, without suffix."""
        return str(PurePosixPath(image).relative_to(self._folder).with_suffix(""))
