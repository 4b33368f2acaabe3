"""Reading events while they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.worker import tail as tail_module
from services.worker.tail import EventTail

TIME = "2026-01-02T03:04:05Z"


def line(step: int) -> str:
    return f'{{"type":"metric","time":"{TIME}","step":{step},"values":{{"loss":1.0}}}}\n'


def steps(tail: EventTail, *, ended: bool = False) -> list[int]:
    batch = tail.unread(ended=ended)
    tail.accept(batch)
    return [event.step for event in batch.events if event.type == "metric"]


def test_each_whole_line_once(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    tail = EventTail(file)
    assert steps(tail) == []
    half = line(3)
    file.write_text(line(1) + line(2) + half[:20])
    assert steps(tail) == [1, 2]
    assert steps(tail) == []
    with file.open("a") as events:
        events.write(half[20:])
    assert steps(tail) == [3]


def test_a_batch_that_was_not_accepted_comes_again(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(line(1))
    tail = EventTail(file)
    assert tail.unread() == tail.unread()
    assert steps(tail) == [1]


def test_the_last_line_needs_no_end_once_all_has_ended(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(line(1) + line(2).rstrip("\n"))
    tail = EventTail(file)
    assert steps(tail) == [1]
    assert steps(tail, ended=True) == [2]
    assert steps(tail, ended=True) == []


def test_garbage_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\xff\xfe\n\n[1]\n" + line(1).encode() + b'{"type":"unknown"}\n' + line(2).encode())
    assert steps(EventTail(file)) == [1, 2]
    assert len([record for record in caplog.records if "not an event" in record.message]) == 3


def test_more_than_a_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines over a chunk's end come with the next; one that is longer than a chunk is passed over."""
    monkeypatch.setattr(tail_module, "CHUNK_BYTES", 200)
    file = tmp_path / "events.jsonl"
    file.write_text("".join(line(step) for step in range(5)) + "x" * 700 + "\n" + line(5))
    tail = EventTail(file)
    found: list[int] = []
    for _ in range(20):
        found += steps(tail)
    assert found == [0, 1, 2, 3, 4, 5]
