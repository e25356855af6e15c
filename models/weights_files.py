"""Where weights lie: a file or folder that was named, or one of the usual names in the folder OVSTORE_WEIGHTS.

In place of that variable, the user's ovstore.toml may name the folder.
"""

from collections.abc import Sequence
from pathlib import Path

from ..core.errors import BadWeights
from ..core.settings import weights_folder

VARIABLE = "OVSTORE_WEIGHTS"


def named_weights(given: str) -> Path | None:
    """The file or folder `given` as a path, or by its name in OVSTORE_WEIGHTS; None where there is none."""
    path = Path(given).expanduser()
    if given and path.exists():
        return path
    folder = weights_folder()
    inside = None if folder is None or not given or path.is_absolute() else folder / path
    return inside if inside is not None and inside.exists() else None


def find_weights(given: str, usual: Sequence[str], published_at: str) -> Path:
    """What `given` names, or without it the first of the `usual` names in OVSTORE_WEIGHTS.

    BadWeights says where the original publishes them (`published_at`) and where to put them.
    """
    for name in [given] if given else usual:
        if (found := named_weights(name)) is not None:
            return found
    folder = weights_folder()
    looked = f"in {folder}" if folder is not None else f"here, and neither {VARIABLE} nor ovstore.toml names a folder"
    raise BadWeights(
        f"No weights {given or ' or '.join(usual)} {looked}. Download them from {published_at}, then pass the file "
        f"with --weights, or put it into the folder that {VARIABLE} names."
    )
