"""What torchrun starts in a test: `runs_in_turn.py SPEC.yaml RUN_DIR [SPEC.yaml RUN_DIR]...`."""

import sys

from wsmis_core.__main__ import main

if __name__ == "__main__":
    for spec, folder in zip(sys.argv[1::2], sys.argv[2::2], strict=True):
        if status := main(["stage", spec, "--run-dir", folder]):
            sys.exit(status)
