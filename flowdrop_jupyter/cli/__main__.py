"""``python -m flowdrop_jupyter.cli`` is the command ``flowdrop``."""

import sys

from .command import main

sys.exit(main())
