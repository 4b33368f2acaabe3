"""Pictures of coloured shapes of five kinds, several a picture, with true masks, in VOC's layout.

The hue, the outline and a marking on a third of an object tell its kind; plain blots and rods of any hue
are none. So image labels can be learnt, and activation maps light up parts rather than whole objects.
"""

from wsmis_core.data.phantom.shapes.objects import KINDS
from wsmis_core.data.phantom.shapes.scene import Scene, SeenObject, draw_scene
from wsmis_core.data.phantom.shapes.voc import write_voc

__all__ = ["KINDS", "Scene", "SeenObject", "draw_scene", "write_voc"]
