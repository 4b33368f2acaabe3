"""The YAML configs of the published WSMIS code, read into specs of ours."""

from wsmis_core.spec.convert.config import Converted, convert_config
from wsmis_core.spec.convert.keys import Note, in_one_line

__all__ = ["Converted", "Note", "convert_config", "in_one_line"]
