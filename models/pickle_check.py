"""What a pickle would do when it is loaded, told from its opcodes: no object is made.

`weights_only=True` decides which names a pickle may call, not how often, or for how much memory: `bytearray(9e9)` is
allowed there, and so is doubling a text with a codec thirty times.
"""

import codecs
import pickle
import pickletools
import zipfile
from pathlib import Path
from typing import IO

from ..store.budget import Budget

_MOST_BYTES = 64 << 20  # of the pickle in an archive; tensors are beside it
_LEGACY_PICKLES = 5  # that older torch.save writes one after the other: magic number, version, system, object, keys
_LONGEST_CODEC = 40


def require_modest(path: Path) -> None:
    """UnpicklingError where a PyTorch file's pickle makes memory out of nothing, BadScene where it never ends."""
    budget = Budget(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if Path(info.filename).name == "data.pkl":
                    if info.file_size > _MOST_BYTES:
                        raise pickle.UnpicklingError(f"a pickle of {info.file_size:,} bytes")
                    with archive.open(info) as file:
                        _check(file, budget)
        return
    with path.open("rb") as file:
        for _ in range(_LEGACY_PICKLES):
            _check(file, budget)


def _check(file: IO[bytes], budget: Budget) -> None:
    """One pickle, to its end."""
    encodes, codec = False, None
    for opcode, argument, _ in pickletools.genops(file):
        budget.take_items()
        if not isinstance(argument, str):
            continue
        if "bytearray" in argument.split():
            raise pickle.UnpicklingError("it makes a bytearray, which could be of any size")
        encodes |= argument.partition(" ")[0] == "_codecs"
        if opcode.name != "GLOBAL" and len(argument) <= _LONGEST_CODEC and not _is_text_encoding(argument):
            codec = argument
    if encodes and codec is not None:
        raise pickle.UnpicklingError(f"it encodes with {codec!r}, which could be done again and again")


def _is_text_encoding(name: str) -> bool:
    """False for codecs whose result can be encoded again; True for all other words."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return True
