"""What torchrun starts: `wsmis_core.rank` as a program."""

import os
import sys

from wsmis_core.startup import quick_imports

if __name__ == "__main__":
    with quick_imports():
        from wsmis_core.rank import main
    exit_status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_status)  # all is closed, and the interpreter would take a second or two to take torch apart
