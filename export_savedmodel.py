"""Exports a network as a SavedModel version; `training/export.py` has the options.

python export_savedmodel.py --version 3
"""

import sys

from training.export import main

if __name__ == "__main__":
    sys.exit(main())
