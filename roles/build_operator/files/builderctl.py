"""Run the command builderctl that is installed in the folder of this file."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "current"))

try:
    from acs_builders.builderctl.cli import main
except KeyboardInterrupt:
    sys.exit(130)

os._exit(main())
