"""Configs of the maps of a trained classifier: the task `cam_generation` with `maps_layer`."""

from __future__ import annotations

from wsmis_core.spec.convert.keys import Keys
from wsmis_core.spec.convert.training import note_surroundings, put_image_size

__all__ = ["put_activation_maps"]

OF_THE_CLASSIFIER = "it is the classifier's, which is the job's input"
IMPORT = "import it with `wsmis import-weights`, and name that job as the input classifier"
LAST = "maps are of the last features before the pooling, and their weights those of the head behind it"


def put_activation_maps(keys: Keys) -> None:
    """Maps at one size, as that code makes them."""
    note_surroundings(keys)
    put_image_size(keys)
    keys.put("scales", [1.0], key="task")
    keys.put("flip", False, key="task")
    keys.put("batch_size", keys.needed("batch_size"), key="batch_size")
    predicted = keys.typed("use_predicted_labels", bool, remedy="Write true or false.")
    keys.put("classes", "predicted" if predicted else "labels", key="use_predicted_labels")
    threshold = keys.value("background_threshold")
    if threshold is not None:
        keys.put("threshold", {"name": "fixed", "value": threshold}, key="background_threshold")
    if keys.value("interpolation") not in (None, "bilinear"):
        keys.note("interpolation", "maps are enlarged bilinearly")
    for name in ("maps_layer", "weights_layer"):
        keys.note(name, LAST)
    keys.note("model.weights_path", IMPORT)
    for part in ("train", "val"):
        keys.note(f"{part}.transform.images_normalization", OF_THE_CLASSIFIER)
        keys.note(f"{part}.transform.augmentation_scope", "maps are made of the images as they are")
    keys.note("model", OF_THE_CLASSIFIER)
