"""What a pickle would do when it is loaded, told from its opcodes: no object is made.

`weights_only=True` decides which names a pickle may call, not how often, or for how much memory: `bytearray(9e9)` is
allowed there, and so is doubling a text with a codec thirty times.
"""

import codecs
import pickle
import pickletools
import re
import zipfile
from itertools import islice
from pathlib import Path
from typing import IO

from ..core.budget import Budget

_LEGACY_PICKLES = 5  # that older torch.save writes one after the other: magic number, version, system, object, keys
_WORD = re.compile("[0-9A-Za-z.]+")
_MOST_WORDS, _LONGEST_WORD = 5, 40  # of a codec's name, such as quoted_printable


def require_modest(path: Path) -> None:
    """UnpicklingError where a PyTorch file's pickle makes memory out of nothing, BadScene where it never ends.

    Archives are to be uncompressed, so that a pickle is no longer than its file.
    """
    budget = Budget(path)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if Path(info.filename).name == "data.pkl":
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
        if not isinstance(argument, str) or "\0" in argument:  # numbers of an array; no name has a zero byte
            continue
        if "bytearray" in argument.split(maxsplit=2):
            raise pickle.UnpicklingError("it makes a bytearray, which could have any size")
        encodes |= argument.partition(" ")[0] == "_codecs"
        if opcode.name != "GLOBAL" and not _is_text_encoding(argument):
            codec = argument
    if encodes and codec is not None:
        raise pickle.UnpicklingError(f"it encodes with {codec!r}, which could be repeated without limit")


def _is_text_encoding(name: str) -> bool:
    """False for codecs whose result can be encoded again; True for all other words.

    Python passes over any number of signs between the words of a codec's name.
    """
    words = [word[0] for word in islice(_WORD.finditer(name), _MOST_WORDS + 1)]
    if len(words) > _MOST_WORDS or any(len(word) > _LONGEST_WORD for word in words):
        return True
    try:
        return codecs.lookup("_".join(words))._is_text_encoding
    except (LookupError, ValueError):
        return True
