"""Apple's LZFSE: what a stream says of its own length is looked at before anything is decoded.

A stream is a row of blocks, each with a magic word and the number of bytes that it unfolds to, and an end mark:
bvx- (bytes as they are), bvxn (LZVN), bvx1 and bvx2 (LZFSE), bvx$ (the end). Layout: lzfse_internal.h of Apple's
reference implementation. Blocks other than bvx- are decoded by the package `lzfse`.
"""

import struct
from collections.abc import Iterator
from types import ModuleType

from ...core.errors import BadScene, MissingPackage
from ...core.plugins import missing_package_sentence

_END = b"bvx$"
_BLOCK = 8192  # bytes; encoders fill blocks with 40,000, so shorter ones on the average are a bomb's


def unfolded(content: bytes, most: int) -> bytes:
    """The bytes of a stream, `most` at the most; BadScene for one that is damaged or says it is longer."""
    length, blocks = 0, []
    for raw, plain in _blocks(content):
        length += raw
        blocks.append(plain)
        if length > most or len(blocks) > most // _BLOCK + 4:
            raise BadScene(f"LZFSE data that expands to more than the {most:,} bytes that were expected")
    stored = [plain for plain in blocks if plain is not None]
    if len(stored) == len(blocks):
        return b"".join(stored)
    lzfse = _lzfse()
    try:
        made: bytes = lzfse.decompress(content)
    except (lzfse.error, MemoryError) as error:
        raise BadScene("damaged LZFSE data") from error
    if len(made) != length:
        raise BadScene(f"damaged LZFSE data: {len(made):,} of {length:,} bytes")
    return made


def _blocks(content: bytes) -> Iterator[tuple[int, bytes | None]]:
    """How many bytes each block unfolds to, and those bytes where they are stored as they are."""
    at = 0
    while content[at : at + 4] != _END:
        try:
            raw, size, plain = _block(content, at)
        except struct.error as error:
            raise BadScene("truncated LZFSE data") from error
        if at + size > len(content):
            raise BadScene("truncated LZFSE data")
        yield raw, plain
        at += size


def _block(content: bytes, at: int) -> tuple[int, int, bytes | None]:
    """Unfolded and stored size of a block, and its bytes if they are stored as they are."""
    magic = content[at : at + 4]
    (raw,) = struct.unpack_from("<I", content, at + 4)
    if magic == b"bvx-":
        return raw, 8 + raw, content[at + 8 : at + 8 + raw]
    if magic == b"bvxn":
        (payload,) = struct.unpack_from("<I", content, at + 8)
        return raw, 12 + payload, None
    if magic == b"bvx1":
        (payload,) = struct.unpack_from("<I", content, at + 8)
        return raw, 772 + payload, None
    if magic == b"bvx2":
        one, two, three = struct.unpack_from("<3Q", content, at + 8)
        literals, matches = one >> 20 & 0xFFFFF, two >> 40 & 0xFFFFF
        return raw, max(32, three & 0xFFFFFFFF) + literals + matches, None
    raise BadScene("no LZFSE data" if at == 0 else "truncated LZFSE data")


def _lzfse() -> ModuleType:
    try:
        import lzfse
    except ModuleNotFoundError as error:
        raise MissingPackage(missing_package_sentence("depth of Record3D", "lzfse")) from error
    return lzfse
