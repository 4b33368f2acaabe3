"""Networks: classifiers, IRNet and, in `segmenters`, which takes seconds to import, segmenters."""

from wsmis_core.models.classifiers import CLASSIFIERS, Architecture, Classifier, make_classifier
from wsmis_core.models.dropblock import DropBlock, dropblock, linear_drop_prob
from wsmis_core.models.irnet import IRNet
from wsmis_core.models.trunks import TRUNKS, Trunk, TrunkShape

__all__ = [
    "CLASSIFIERS",
    "TRUNKS",
    "Architecture",
    "Classifier",
    "DropBlock",
    "IRNet",
    "Trunk",
    "TrunkShape",
    "dropblock",
    "linear_drop_prob",
    "make_classifier",
]
