"""JSON out: dataclasses and arrays as they are, no NaN, an ETag where an answer can be asked for again."""

import hashlib
import json
import math
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

IMMUTABLE = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"


def dumped(value: Any) -> bytes:
    """The document; numbers that do not exist are null."""
    try:
        return _text(value)
    except ValueError:  # nan, or an infinity
        return _text(_finite(json.loads(json.dumps(value, default=_plain))))


def answer(request: Request, value: Any, version: str | None = None) -> Response:
    """A document as a response.

    `version` names the state of the store that it is made of; None: that is decided by the bytes. Nothing is sent to
    one who has it already.
    """
    body = dumped(value) if version is None else None
    tag = etag(version if version is not None else hashlib.sha256(body or b"").hexdigest())
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN, "Vary": "Accept, Accept-Encoding"}
    if unchanged(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(dumped(value) if body is None else body, 200, headers, "application/json")


def etag(version: str) -> str:
    """A strong one."""
    return f'"{hashlib.sha256(version.encode()).hexdigest()[:32]}"'


def unchanged(request: Request, tag: str) -> bool:
    """Whether the client says that it has this very answer."""
    given = request.headers.get("if-none-match", "")
    return tag in [one.strip().removeprefix("W/") for one in given.split(",")] or given.strip() == "*"


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain).encode(
        "utf-8", "backslashreplace"
    )


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    return value
