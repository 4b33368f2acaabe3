"""The runs, and the table of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.method import __doc__ as usage
from benchmarks.method.kinds import KINDS
from benchmarks.method.table import write_table
from benchmarks.method.trials import Score, trials
from benchmarks.method.variants import GROUPS, WHOLE


def main() -> int:
    """Run what is asked for and write `table.md` and `scores.json`, anew after each group."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.method",
        description=usage,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=sorted(KINDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument(
        "--group-seeds", nargs="+", type=int, help="of the groups, where not all; the whole recipe has all"
    )
    parser.add_argument(
        "--groups", nargs="+", choices=[*WHOLE, *GROUPS], default=[*WHOLE, *GROUPS], metavar="GROUP"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/method"), help="runs are kept and reused there"
    )
    options = parser.parse_args()
    scores: list[Score] = []
    for kind in options.kinds:
        for seed in options.seeds:
            for group in options.groups:
                if group in GROUPS and seed not in (options.group_seeds or options.seeds):
                    continue
                scores += trials(KINDS[kind], kind, seed=seed, group=group, folder=options.out.resolve())
                write_table(scores, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
