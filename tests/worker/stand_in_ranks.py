"""What the tests start in place of torchrun: it behaves as the file $STAND_IN/<job>/behaviour says.

It speaks the attempt's contract (spec.json in; events, output and failure.json out), and
starts one more process in a session of its own, as torchrun does with its ranks.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

TINY_SLEEP = 0.01
KINDS = {"train_classifier": "classifier", "extract_cams": "cams"}

run = Path(sys.argv[1])
spec = json.loads((run / "spec.json").read_text())
control = Path(os.environ["STAND_IN"], spec["job"])
attempt = spec["attempt"]


def say(event: dict[str, Any]) -> None:
    line = json.dumps({"time": datetime.now(UTC).isoformat(), **event})
    with (run / "events.jsonl").open("a") as file:
        file.write(line + "\n")


def progress(done: int) -> None:
    say({"type": "progress", "phase": "train", "done": done, "total": 10, "unit": "steps"})


def finish(*, content: bytes = b"weights", stated: bytes | None = None) -> NoReturn:
    output = run / "output"
    output.mkdir()
    (output / "model.bin").write_bytes(content)
    digest = hashlib.sha256(stated or content).hexdigest()
    code = {"version": "0", "digest": "0" * 64, "torch": "none", "device": "cpu"}
    manifest = {
        "job": spec["job"],
        "stage": spec["params"]["stage"],
        "kind": KINDS[spec["params"]["stage"]],
        "created": datetime.now(UTC).isoformat(),
        "files": [{"path": "model.bin", "size": len(content), "sha256": digest}],
        "lineage": {"params": spec["params"], "code": code},
        "metrics": {"auc": 0.75, "attempt": attempt},
        "digest": hashlib.sha256(f"{attempt}".encode()).hexdigest(),
    }
    (output / "manifest.json").write_text(json.dumps(manifest))
    progress(10)
    sys.exit(0)


def checkpoint_and_leave(*_: object) -> NoReturn:
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last").touch()
    sys.exit(75)


def wait() -> NoReturn:
    """Until the test says go."""
    while not (control / "go").exists():
        time.sleep(TINY_SLEEP)
    finish()


def fail(failure: dict[str, Any]) -> NoReturn:
    (run / "failure.json").write_text(json.dumps(failure))
    sys.exit(1)


subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
progress(1)
say({"type": "metric", "step": 1, "epoch": 0, "values": {"loss": 0.5}})
signal.signal(signal.SIGTERM, checkpoint_and_leave)
(control / f"started-{attempt}").write_text(str(os.getpid()))

match (control / "behaviour").read_text():
    case "finish":
        finish()
    case "wait":
        wait()
    case "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait()
    case "damaged":
        finish(stated=b"other weights")
    case "no_manifest":
        sys.exit(0)
    case "user_error":
        fail({"reason": "invalid_data", "message": "no images.", "field": "dataset", "remedy": "Add some."})
    case "crash":
        sys.stderr.write("Traceback (most recent call last):\nRuntimeError: shapes differ\n")
        sys.exit(1)
    case "out_of_memory":
        sys.stderr.write("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.\n")
        sys.exit(1)
    case "garbage":
        with (run / "events.jsonl").open("a") as file:
            file.write('{"type": "prog\nnot json\n[]\n')
        progress(2)
        with (run / "events.jsonl").open("a") as file:
            file.write('{"type": "log", "level"')
        finish()
    case behaviour:
        raise ValueError(behaviour)
