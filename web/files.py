"""Bytes out: whole or in ranges, with a strong ETag, kept for ever under a URL that names their content."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from .documents import ASK_AGAIN, IMMUTABLE, etag, unchanged
from .problems import Problem

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BLOCK = 1 << 18


def described(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What the schema says of an answer that is bytes of one of these types."""
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media_types}}}


def cached(request: Request, version: str) -> dict[str, str]:
    """Headers of what has that version: never asked for again under a URL that carries one."""
    keep = IMMUTABLE if request.query_params.get("v") else ASK_AGAIN
    return {"ETag": etag(version), "Cache-Control": keep, "Vary": "Accept, Accept-Encoding"}


def whole(request: Request, version: str, media_type: str, body: bytes) -> Response:
    """Bytes that are at hand."""
    headers = cached(request, version)
    if unchanged(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, 200, headers, media_type)


def streamed(request: Request, version: str, media_type: str, path: Path, offset: int, size: int) -> Response:
    """`size` bytes of a file from `offset` on, or the one range of them that is asked for."""
    headers = cached(request, version) | {"Accept-Ranges": "bytes"}
    if unchanged(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    asked = asked_range(request, headers["ETag"], size)
    start, stop = asked or (0, size)
    headers["Content-Length"] = str(stop - start)
    if asked is not None:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
    status = 200 if asked is None else 206
    blocks = _blocks(path, offset + start, stop - start)
    return StreamingResponse(blocks, status, headers, media_type)


def asked_range(request: Request, tag: str, size: int) -> tuple[int, int] | None:
    """First byte and one past the last; None for the whole. Several ranges at once are answered with the whole."""
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or found[0] == "bytes=-" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = found[1], found[2]
    start = int(first) if first else max(size - int(last), 0)
    stop = min(int(last) + 1, size) if first and last else size
    if start >= size or stop <= start:
        detail = f"The range {found[0]} is not in {size:,} bytes."
        raise Problem(416, "range", detail, headers={"Content-Range": f"bytes */{size}"})
    return start, stop


def _blocks(path: Path, offset: int, size: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while size > 0 and (block := file.read(min(_BLOCK, size))):
            size -= len(block)
            yield block
