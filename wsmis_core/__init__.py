"""Weakly supervised segmentation as a library: image labels in, pixel masks out."""
