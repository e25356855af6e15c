"""Pictures that clients sent, for their next words: the latest few, in memory only."""

import hashlib
import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from .problems import Problem

_MOST_BYTES = 200_000_000


class KeptPictures:
    """Pictures by a key that nobody guesses who has not got the picture."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, NDArray[np.uint8]] = OrderedDict()

    def keep(self, pixels: NDArray[np.uint8]) -> str:
        """The key; pictures that were asked for longest ago go when room is needed."""
        key = hashlib.sha256(pixels.tobytes() + repr(pixels.shape).encode()).hexdigest()[:32]
        with self._lock:
            self._held[key] = pixels
            self._held.move_to_end(key)
            while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > _MOST_BYTES:
                self._held.popitem(last=False)
        return key

    def of(self, key: str) -> NDArray[np.uint8]:
        """A problem for one that is gone."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        raise Problem(404, "not-found", "That picture is not kept any more: send it again.", near=[])
