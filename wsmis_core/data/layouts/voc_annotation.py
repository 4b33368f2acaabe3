"""PASCAL VOC's annotation files: XML that names the objects of one image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.parsers import expat

from wsmis_core.errors import DataError

__all__ = ["AnnotatedObject", "labels_of", "read_objects"]

ROOT = "annotation"


@dataclass(frozen=True, slots=True)
class AnnotatedObject:
    """An object by the name of its class; ``difficult`` ones are not counted in VOC's detection scores."""

    name: str
    difficult: bool


def labels_of(data: bytes, *, classes: Sequence[str], difficult: bool) -> tuple[int, ...]:
    """1 for each class of which the file has an object, without ``difficult`` one that is not difficult.

    Raises DataError where the file cannot be read or names an object of another class.
    """
    objects = read_objects(data)
    strange = sorted({one.name for one in objects} - set(classes))
    if strange:
        raise DataError(
            f"it names an object {strange[0]!r}, which is none of the classes {', '.join(classes)}.",
            remedy="Correct it, or name the classes in options.classes.",
        )
    there = {one.name for one in objects if difficult or not one.difficult}
    return tuple(int(name in there) for name in classes)


def read_objects(data: bytes) -> list[AnnotatedObject]:
    """The objects in a file's bytes, in their order; an object's parts are none.

    A document type is refused, so that no entity is ever declared or expanded. Raises DataError where the
    bytes are no such XML.
    """
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.CharacterDataHandler = reader.text
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the last two of strange encodings
        raise DataError(f"the XML cannot be read: {error}.", remedy="Correct the file.") from error
    return reader.objects


class _Reader:
    """Collects annotation/object/name and annotation/object/difficult."""

    def __init__(self) -> None:
        self.objects: list[AnnotatedObject] = []
        self._path: list[str] = []
        self._fields: dict[str, str] = {}

    def refuse(self, *_: object) -> None:
        raise DataError(
            "it declares a document type, which annotations do not need and which is not read.",
            remedy="Take the <!DOCTYPE> out.",
        )

    def start(self, name: str, _: dict[str, str]) -> None:
        self._path.append(name)
        if len(self._path) == 1 and name != ROOT:
            raise DataError(f"it holds <{name}>, not <{ROOT}>.", remedy="Give a PASCAL VOC annotation.")
        if self._path == [ROOT, "object"]:
            self._fields = {}

    def text(self, text: str) -> None:
        if len(self._path) == 3 and self._path[1] == "object":
            self._fields[self._path[2]] = self._fields.get(self._path[2], "") + text

    def end(self, _: str) -> None:
        if self._path == [ROOT, "object"]:
            name = self._fields.get("name", "").strip()
            if not name:
                raise DataError("an <object> has no <name>.", remedy="Name it, or take it out.")
            self.objects.append(
                AnnotatedObject(name, difficult=self._fields.get("difficult", "").strip() == "1")
            )
        self._path.pop()
