"""python -m ovstore.cli"""

from . import main

main()
