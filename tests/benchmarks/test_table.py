"""The table of the benchmark of the method."""

from pathlib import Path

from benchmarks.method.table import write_table
from benchmarks.method.trials import Score


def test_a_whole_run_is_a_row_with_its_share_of_the_ceiling_and_the_medians_another(tmp_path: Path) -> None:
    segmenters, ceilings = (0.4, 0.9, 0.6), (0.5, 1.0, 0.8)  # shares of .8, .9 and .75
    scores = [
        Score("chest", seed, "whole", "no mask chooses", step, value, value - 0.1, value + 0.1)
        for step, values in (("ceiling", ceilings), ("segmenter", segmenters))
        for seed, value in enumerate(values)
    ]
    write_table(scores, tmp_path)
    assert (tmp_path / "table.md").read_text().splitlines() == [
        "| whole | seed | segmenter | ceiling | segmenter / ceiling |",
        "| --- | --- | --- | --- | --- |",
        "| chest, no mask chooses | 0 | .400 (.300 to .500) | .500 (.400 to .600) | .800 |",
        "| chest, no mask chooses | 1 | .900 (.800 to 1.000) | 1.000 (.900 to 1.100) | .900 |",
        "| chest, no mask chooses | 2 | .600 (.500 to .700) | .800 (.700 to .900) | .750 |",
        "| chest, no mask chooses | median | .600 | .800 | .800 |",
    ]
