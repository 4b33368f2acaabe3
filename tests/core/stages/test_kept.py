"""Objects that are kept unrefined are counted once, whichever attempt met them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsmis_core.data import Sample
from wsmis_core.engine import Ranks, RunContext, open_events
from wsmis_core.engine.stopping import StopRequest
from wsmis_core.spec import RunSpec
from wsmis_core.spec.stages import MakeIrLabels
from wsmis_core.stages.kept import KeptUnrefined


def sample(name: str) -> Sample:
    return Sample(id=name, file=name, patient=name, labels=(1,), split="train", height=8, width=8, content="")


@contextmanager
def open_run(folder: Path, *, previous: tuple[Path, ...] = ()) -> Iterator[RunContext]:
    folder.mkdir()
    spec = RunSpec(
        job="seeds", attempt=1 + len(previous), params=MakeIrLabels(), cache=folder, previous=previous
    )
    with open_events(folder, speaks=True) as events:
        yield RunContext(spec=spec, folder=folder, ranks=Ranks(), events=events, stop=StopRequest())


def attempt(folder: Path, counts: dict[str, int], *, previous: tuple[Path, ...] = ()) -> float:
    """The total of an attempt that meets ``counts`` objects in images by name."""
    with open_run(folder, previous=previous) as context:
        kept = KeptUnrefined(context)
        for name, count in counts.items():
            kept.note(sample(name), Counter({1: count} if count else {}), of="ir_labels")
        return kept.total()


def warnings(folder: Path) -> list[str]:
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return [event["message"] for event in events if event["type"] == "log"]


def test_a_next_attempt_counts_what_the_one_before_it_met(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    assert attempt(first, {"a": 2, "b": 0, "c": 1}) == 3
    assert attempt(second, {"c": 1, "d": 4}, previous=(first,)) == 7  # c was noted, but not finished
    notes = (second / "output/kept_unrefined/ir_labels").iterdir()
    assert {note.name: note.read_text() for note in notes} == {
        "a.txt": "1 2\n",
        "c.txt": "1 1\n",
        "d.txt": "1 4\n",
    }
    assert warnings(second) == ["Refinement would have erased 7 objects; they are kept unrefined."]


def test_without_any_nothing_is_said_or_left(tmp_path: Path) -> None:
    assert attempt(tmp_path / "1", {"a": 0}) == 0
    assert not (tmp_path / "1/output").exists()
    assert warnings(tmp_path / "1") == []


def test_an_object_that_is_kept_twice_counts_once(tmp_path: Path) -> None:
    with open_run(tmp_path / "1") as context:
        kept = KeptUnrefined(context)
        kept.note(sample("a"), Counter({1: 1, 2: 2}), of="walked")
        kept.note(sample("a"), Counter({1: 1, 3: 1}), of="seen")
        kept.note(sample("b"), Counter({1: 1}), of="seen")
        assert kept.total() == 5


def test_a_note_of_an_earlier_version_still_counts(tmp_path: Path) -> None:
    notes = tmp_path / "1/output/kept_unrefined/ir_labels"
    notes.mkdir(parents=True)
    (notes / "a.txt").write_text("3\n")
    assert attempt(tmp_path / "2", {"b": 1}, previous=(tmp_path / "1",)) == 4
