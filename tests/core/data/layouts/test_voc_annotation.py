"""PASCAL VOC's XML, and what must not be read."""

from __future__ import annotations

import pytest

from wsmis_core.data.layouts.voc_annotation import AnnotatedObject, labels_of, read_objects
from wsmis_core.errors import DataError

PUBLISHED = b"""<annotation>
 <folder>VOC2012</folder><filename>2007_000001.jpg</filename>
 <size><width>500</width><height>375</height><depth>3</depth></size><segmented>1</segmented>
 <object><name>person</name><pose>Left</pose><difficult>0</difficult>
  <bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>
  <part><name>head</name><bndbox><xmin>1</xmin></bndbox></part></object>
 <object><name> tvmonitor
 </name><difficult>1</difficult></object>
 <object><name>person</name></object>
</annotation>"""


def test_objects_without_their_parts() -> None:
    assert read_objects(PUBLISHED) == [
        AnnotatedObject("person", difficult=False),
        AnnotatedObject("tvmonitor", difficult=True),
        AnnotatedObject("person", difficult=False),
    ]
    assert read_objects(b"<annotation/>") == []


def test_difficult_objects_count_or_not() -> None:
    classes = ("cat", "person", "tvmonitor")
    assert labels_of(PUBLISHED, classes=classes, difficult=True) == (0, 1, 1)
    assert labels_of(PUBLISHED, classes=classes, difficult=False) == (0, 1, 0)


def test_an_object_of_no_class() -> None:
    with pytest.raises(DataError, match="'person', which is none of the classes cat, dog"):
        labels_of(PUBLISHED, classes=("cat", "dog"), difficult=True)


BOMB = b"""<!DOCTYPE annotation [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotation><object><name>&b;</name></object></annotation>"""
OUTSIDE = b"""<!DOCTYPE annotation SYSTEM "file:///etc/passwd"><annotation/>"""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (BOMB, "declares a document type"),
        (OUTSIDE, "declares a document type"),
        (b"<annotation><object><name>&undeclared;</name></object></annotation>", "cannot be read"),
        (PUBLISHED[:-20], "cannot be read"),
        (b"", "cannot be read"),
        (b'<?xml version="1.0" encoding="no-such"?><annotation/>', "cannot be read"),
        (b"<html></html>", "it holds <html>, not <annotation>"),
        (b"<annotation><object><pose>Left</pose></object></annotation>", "an <object> has no <name>"),
    ],
)
def test_what_is_not_read(data: bytes, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_objects(data)
    assert said in caught.value.message
    assert caught.value.remedy
