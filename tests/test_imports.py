"""The arrows between the rooms, and which of them may know torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("wsmis_core", "services")

FLOOR = frozenset({"wsmis_core.errors", "wsmis_core.files", "wsmis_core.text"})
SPEC = FLOOR | {"wsmis_core.spec"}
METHOD_ROOMS = ("data", "models", "cam", "irn", "metrics", "engine", "export")
METHOD = frozenset(f"wsmis_core.{room}" for room in METHOD_ROOMS)
# Ends of processes; shared by the two rooms that start some.
PROCESSES = frozenset({"services.parent_death", "services.stop_signals"})

# Room -> the rooms that it may import, besides itself.
ARROWS: dict[str, frozenset[str]] = {
    "wsmis_core": frozenset(),
    "wsmis_core.errors": frozenset(),
    "wsmis_core.files": frozenset(),
    "wsmis_core.startup": frozenset(),
    "wsmis_core.text": frozenset(),
    "wsmis_core.spec": FLOOR,
    **dict.fromkeys(sorted(METHOD), SPEC),
    "wsmis_core.stages": SPEC | METHOD | {"wsmis_core.startup"},
    "wsmis_core.rank": SPEC | METHOD | {"wsmis_core.stages"},
    "wsmis_core.__main__": frozenset({"wsmis_core.rank", "wsmis_core.startup"}),
    "services": frozenset(),
    "services.parent_death": frozenset(),
    "services.stop_signals": frozenset(),
    "services.jobs": SPEC,
    "services.api": SPEC | {"services.jobs"},
    "services.worker": SPEC | PROCESSES | {"services.jobs", "wsmis_core.data"},
    "services.client": SPEC | PROCESSES,
}

TORCH = frozenset({"torch", "torchvision", "timm", "segmentation_models_pytorch"})
# The index of the data is read where there is no torch; what makes tensors of it is not.
TORCH_FREE = (
    "wsmis_core.errors",
    "wsmis_core.files",
    "wsmis_core.spec",
    "wsmis_core.data",
    "services.jobs",
    "services.api",
    "services.worker",
    "services.client",
)


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
            yield name.removesuffix(".__init__"), file


def imported(file: Path) -> Iterator[str]:
    """Every module that the file names in an import, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                # `from services import api` names a room in what it imports.
                yield from (f"{module}.{name.name}" if module in PACKAGES else module for name in names)
            case ast.ImportFrom():
                pytest.fail(f"{file} imports relatively.")


def room_of(module: str) -> str:
    """The room of a module: its first two names."""
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize(("module", "file"), list(modules()))
def test_only_the_allowed_arrows(module: str, file: Path) -> None:
    room = room_of(module)
    assert room in ARROWS, f"{room} is no room: give it a place in DESIGN's floors first."
    for name in imported(file):
        if name.split(".")[0] in PACKAGES:
            target = room_of(name)
            assert target == room or target in ARROWS[room], f"{module} imports {name}"


@pytest.mark.parametrize(("module", "file"), [one for one in modules() if one[0].startswith("services")])
def test_no_service_names_torch(module: str, file: Path) -> None:
    assert not {name.split(".")[0] for name in imported(file)} & TORCH, module


def test_the_rooms_have_no_circle() -> None:
    done: set[str] = set()
    while ready := {room for room, targets in ARROWS.items() if room not in done and targets <= done}:
        done |= ready
    assert done == set(ARROWS)


@pytest.mark.parametrize("package", TORCH_FREE)
def test_a_fresh_interpreter_imports_it_without_torch(package: str) -> None:
    look = f"import sys, {package}; print(sorted({set(TORCH)!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=ROOT)
    assert found.stdout.strip() == "[]"
