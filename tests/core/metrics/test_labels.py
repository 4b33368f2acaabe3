"""Image labels: the published scores, by hand, the AUC against all pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wsmis_core.metrics import LabelCounts, LabelTable, auc

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "08_metrics_losses.npz"


def test_multi_label_scores_as_published() -> None:
    with np.load(GOLDEN) as golden:
        arrays = {name: torch.from_numpy(golden[name]) for name in golden.files if name.startswith("ml_")}
    counts = LabelCounts(classes=6)
    for batch in (0, 1):
        counts.update(arrays[f"ml_pred{batch}"].sigmoid(), arrays[f"ml_true{batch}"])
    by_class = counts.by_class()
    torch.testing.assert_close(by_class["f1"].float(), arrays["ml_f1_scores"])
    torch.testing.assert_close(by_class["accuracy"].float(), arrays["ml_acc"])
    scores = counts.scores()
    assert scores["f1"] == pytest.approx(arrays["ml_f1_mean"].item(), rel=1e-6)
    assert scores["accuracy"] == pytest.approx(arrays["ml_acc_mean"].item(), rel=1e-6)


def test_binary_scores_as_published() -> None:
    with np.load(GOLDEN) as golden:
        arrays = {name: torch.from_numpy(golden[name]) for name in golden.files if name.startswith("bf1_")}
    counts = LabelCounts(classes=1)
    for batch in (0, 1):
        # Pixels stand for images here; the published code takes 255 for a label of 1.
        labels = (arrays[f"bf1_true{batch}"] > 0).reshape(-1, 1).float()
        counts.update(arrays[f"bf1_pred{batch}"].reshape(-1, 1).sigmoid(), labels)
    kinds = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    assert counts.state.tolist() == [arrays[f"bf1_{kind}"].item() for kind in kinds]
    names = {
        "f1": "positive_score",
        "f1_negative": "negative_score",
        "precision": "precision",
        "recall": "recall",
        "jaccard": "jaccard",
    }
    scores = counts.scores()
    for name, published in names.items():
        assert scores[name] == pytest.approx(arrays[f"bf1_{published}"].item(), rel=1e-6)


def test_by_hand_with_a_class_that_is_not_there() -> None:
    counts = LabelCounts(classes=3)
    probabilities = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.2, 0.1], [0.5, 0.3, 0.4]])
    counts.update(probabilities, torch.tensor([[1, 0, 1], [0, 0, 0], [1, 0, 0]]))
    # Class 0: a hit, a false alarm, a miss (.5 is not above .5); class 1 nowhere; class 2 missed once.
    by_class = counts.by_class()
    assert by_class["f1"].tolist() == pytest.approx([0.5, float("nan"), 0], nan_ok=True)
    assert by_class["precision"].tolist() == pytest.approx([0.5, float("nan"), 0], nan_ok=True)
    assert by_class["accuracy"].tolist() == pytest.approx([1 / 3, 1, 2 / 3])
    assert counts.scores()["f1"] == 0.25
    assert counts.scores()["jaccard"] == pytest.approx(1 / 6)


def test_labels_that_are_not_known_count_for_nothing() -> None:
    probabilities = torch.tensor([[0.9], [0.8], [0.1], [0.2]])
    labels = torch.tensor([[1], [-1], [-1], [0]])
    counts = LabelCounts(classes=1)
    counts.update(probabilities, labels)
    assert counts.state.tolist() == [1, 0, 0, 1]
    assert auc(probabilities, labels).item() == 1


def test_no_class_there_and_none_said_is_no_mistake() -> None:
    counts = LabelCounts(classes=2)
    counts.update(torch.zeros(3, 2), torch.zeros(3, 2))
    assert set(counts.scores().values()) == {1.0}


def test_unknown_labels_count_for_nothing() -> None:
    counts = LabelCounts(classes=2)
    probabilities = torch.tensor([[0.9, 0.9], [0.8, 0.2], [0.1, 0.6]])
    counts.update(probabilities, torch.tensor([[1, -1], [-1, 0], [-1, 1]]))
    assert counts.state.view(4, 2).T.tolist() == [[1, 0, 0, 0], [1, 0, 0, 1]]
    assert counts.scores()["accuracy"] == 1


def test_auc_without_unknown_labels() -> None:
    scores = torch.tensor([[0.1], [0.9], [0.4], [0.35], [0.2], [0.8]])
    labels = torch.tensor([[0], [-1], [0], [1], [-1], [1]])
    assert auc(scores, labels).item() == 0.75  # as below
    assert auc(scores, labels.clamp(max=0)).isnan().all()


def test_auc_by_hand() -> None:
    scores = torch.tensor([[0.1], [0.4], [0.35], [0.8]])
    # Pairs (positive, negative): (.35, .1) right, (.35, .4) wrong, (.8, .1) and (.8, .4) right.
    assert auc(scores, torch.tensor([[0], [0], [1], [1]])).item() == 0.75
    assert auc(torch.full((4, 1), 0.3), torch.tensor([[0], [0], [1], [1]])).item() == 0.5
    assert auc(scores, torch.ones(4, 1)).isnan().all()


@given(seed=st.integers(0, 10_000))
def test_auc_is_the_share_of_pairs_in_order(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 5, (9, 2), generator=generator) / 4
    labels = torch.randint(0, 2, (9, 2), generator=generator)
    labels[:2] = torch.tensor([[0, 0], [1, 1]])
    for column, area in enumerate(auc(scores, labels).tolist()):
        positive, negative = (scores[labels[:, column] == kind, column] for kind in (1, 0))
        difference = positive[:, None] - negative[None, :]
        share = (difference > 0).double().mean() + (difference == 0).double().mean() / 2
        assert area == pytest.approx(share.item())


def test_scores_of_ranks_make_one_table() -> None:
    probabilities, labels = torch.rand(5, 2), torch.tensor([[0, 1], [1, 0], [0, 0], [1, 1], [0, 1]])
    ranks = [LabelTable(samples=5, classes=2) for _ in range(2)]
    for rank, table in enumerate(ranks):
        mine = torch.arange(rank, 5, 2)
        table.update(mine[:1], probabilities[mine[:1]], labels[mine[:1]])
        table.update(mine[1:], probabilities[mine[1:]], labels[mine[1:]])
    together = ranks[0].summed(lambda state: state + ranks[1].state)
    assert torch.equal(together.labels, labels.double())
    torch.testing.assert_close(together.probabilities, probabilities.double())
