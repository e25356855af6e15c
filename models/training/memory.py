"""The memory of training on a CPU."""

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
LARGEST = 2**31 - 1  # bytes; both are C ints


def keep_freed_memory() -> bool:
    """Whether this process keeps, from now on, the memory that it frees, which is so on Linux with glibc.

    By default arrays of more than 32 MB come fresh from the system each time, and are filled with zeros page by page
    when first touched: half the time of a step with wide outputs. Kept memory counts as used until the process ends.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    return mallopt is not None and all(mallopt(option, LARGEST) for option in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD))
