"""The main job on the embedded service: labelled images in, scored masks out.

Starts `wsmis up`, draws a phantom data set (or takes yours), registers it, runs the recipe
`smoke` with live progress, and ends with a table of scores, an overlay contact sheet and
`demo/report.json`. Everything it makes lies under `demo/`; a second run reuses what is there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from wsmis_core.data.phantom import write_siim

ROOT = Path(__file__).resolve().parents[1]
WSMIS = Path(sys.executable).with_name("wsmis")
PATIENTS = 460
SECONDS_TO_START = 60
STEPS = ("cams", "ir_labels", "pseudo_labels", "segmenter", "ceiling")
SCORES = ("dice_pooled", "dice_per_image", "dice_positives", "iou", "images")
HEADINGS = {
    "dice_pooled": "Dice, pooled",
    "dice_per_image": "per image",
    "dice_positives": "positives",
    "iou": "IoU",
}

console = Console(stderr=True)


def main() -> int:
    """Run the demo; the exit status is that of the pipeline."""
    options = _options()
    folder: Path = options.out.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    data = options.data.resolve() if options.data else _phantom(folder / "phantom", seed=options.phantom_seed)
    with _service(folder, data_root=data):
        dataset = _registered(data)
        console.print(f"[bold]Running the recipe smoke on {dataset['name']}[/]")
        settings = [f"*.seed={options.seed}", *options.set]
        run = ["run", "smoke", dataset["id"], "--wait"]
        pipeline = _wsmis(*run, *(part for setting in settings for part in ("--set", setting)), check=False)
        if pipeline["status"] != "succeeded":
            console.print(f"[red]The pipeline {pipeline['status']}.[/] See {folder / 'service.log'}.")
            return 1
        _report(folder, pipeline)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="a folder in the SIIM-ACR layout; drawn where not given")
    parser.add_argument("--seed", type=int, default=0, help="of all trainings")
    parser.add_argument("--phantom-seed", type=int, default=0, help="of the drawn data set")
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="where everything goes")
    parser.add_argument(
        "--set", action="append", default=[], metavar="STEP.PARAM=VALUE", help="as of `wsmis run`"
    )
    return parser.parse_args()


def _phantom(root: Path, *, seed: int) -> Path:
    """The drawn data set of ``seed``; made where it is not there."""
    folder = root / f"seed-{seed}"
    if not folder.exists():
        console.print(f"[bold]Drawing a phantom data set of {PATIENTS} patients[/]")
        unfinished = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("writing DICOM files", total=None)
            write_siim(
                unfinished,
                patients=PATIENTS,
                seed=seed,
                processes=os.cpu_count() or 1,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )
        unfinished.rename(folder)
    return folder


@contextmanager
def _service(folder: Path, *, data_root: Path) -> Iterator[None]:
    """`wsmis up` while the context lasts."""
    home = folder / "home"
    home.mkdir(exist_ok=True)
    os.environ["WSMIS_HOME"] = str(home)
    # Steps that do not wait for each other run side by side: an eighth of the time, for 1 GB of memory.
    os.environ.setdefault("WSMIS_SLOTS", str(min(2, os.cpu_count() or 1)))
    (home / "url").unlink(missing_ok=True)
    log = folder / "service.log"
    command = [str(WSMIS), "up", "--home", str(home), "--port", "0", "--data-root", str(data_root)]
    with log.open("w") as output:
        service = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        with console.status("starting the service"):
            _wait_until_up(service, home, log)
        yield
    finally:
        service.send_signal(signal.SIGINT)
        with console.status("stopping the service"):
            service.wait()


def _wait_until_up(service: subprocess.Popen[bytes], home: Path, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not (home / "url").exists():
        if service.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The service did not start; see {log}:\n{log.read_text()[-2000:]}")
        time.sleep(0.2)
    console.print(f"The service runs at [bold]{(home / 'url').read_text().strip()}[/]; its log is {log}")


def _registered(data: Path) -> dict[str, Any]:
    """The data set of the folder ``data``, registered where it is not."""
    name = f"{data.name}-{hashlib.sha256(str(data).encode()).hexdigest()[:6]}"
    for dataset in _wsmis("datasets"):
        if dataset["name"] == name and dataset["status"] == "ready":
            console.print(f"The data set {name} is registered already")
            return dict(dataset)
    console.print(f"[bold]Registering {data}[/]")
    return dict(_wsmis("datasets", "add", name, data, "--format", "siim", "--wait"))


def _report(folder: Path, pipeline: dict[str, Any]) -> None:
    """Write report.json, fetch the contact sheet, and print the table."""
    jobs = {job["step"]: job for job in pipeline["jobs"]}
    _wsmis("artifacts", jobs["evaluate"]["id"], "--download", folder / "evaluation")
    scores = json.loads((folder / "evaluation" / "report.json").read_text())["steps"]
    if not scores:
        console.print("The data set has no true masks, so there is nothing to score against.")
    report = {
        "steps": {step: {score: scores[step][score] for score in SCORES} for step in STEPS if step in scores},
        "seconds": {step: job["seconds"] for step, job in jobs.items()},
        "jobs": {step: job["id"] for step, job in jobs.items()},
    }
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    table = Table("step", *HEADINGS.values(), title="Test split, against true masks")
    for step, of_step in report["steps"].items():
        table.add_row(step, *(f"{of_step[score]:.3f}" for score in HEADINGS))
    console.print(table)
    if scores:
        console.print(f"Overlays: {folder / 'evaluation' / 'overlays.png'}")
    console.print(f"Report:   {folder / 'report.json'}")


def _wsmis(*arguments: object, check: bool = True) -> Any:
    """What the command says with --json; its progress goes to the terminal."""
    done = subprocess.run(
        [WSMIS, *map(str, arguments), "--json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if check and done.returncode != 0:
        sys.exit(done.returncode)
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
