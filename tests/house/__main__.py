"""python -m tests.house [CHECKOUT]: print the rooms and shelves of a checkout, their arrows and longest chains."""

import sys
from pathlib import Path

from ..helpers.house_picture import House, picture

print("\n".join(picture(House(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))))
