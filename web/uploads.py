"""Questions that come in a body: a picture, a region to be like, or a box of a frame of the store."""

import json
from typing import Any

import anyio
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..core.errors import BadInput
from ..query.question import Question
from .asked import corners
from .problems import Problem

MOST_BYTES = 20 << 20
MOST_JSON = 1 << 20
_SECONDS = 10.0

_FRAME_PARTS = ("dataset", "scene", "name")
_BOX = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
_FRAME = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in _FRAME_PARTS},
    "required": list(_FRAME_PARTS),
}
ASKED_BY_EXAMPLE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "like": {"type": "string", "description": "SCENE:ORDINAL@LEVEL"},
                        "frame": _FRAME,
                        "box_xyxy": _BOX,
                    },
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "picture": {"type": "string", "format": "binary"},
                        "box_xyxy": {"type": "string", "description": "x0,y0,x1,y1 in pixels of the picture"},
                    },
                    "required": ["picture"],
                }
            },
        },
    }
}


async def question_of(request: Request) -> Question:
    """The question in the body; a problem for what is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        picture, box = await uploaded_picture(request)
        return Question(image=picture, box_xyxy=box)
    if kind != "application/json":
        raise Problem(415, "media-type", "The body is to be application/json, or multipart/form-data with a picture.")
    asked = await json_body(request)
    box = asked.get("box_xyxy")
    if box is not None and not (isinstance(box, list) and len(box) == 4 and all(_is_number(one) for one in box)):
        raise BadInput("box_xyxy is not four numbers.")
    known = {"like", "frame", "box_xyxy"}
    if unknown := sorted(set(asked) - known):
        raise BadInput(f"The body holds {unknown[0][:60]!r}; like, or frame and box_xyxy, were expected.")
    if "frame" in asked:
        named = asked["frame"]
        if not isinstance(named, dict) or not all(isinstance(named.get(part), str) for part in _FRAME_PARTS):
            raise BadInput("A frame is named by dataset, scene and name, each a text.")
        where = f"{named['dataset']}/{named['scene']}"
        return Question(
            frame=(where, named["name"]), box_xyxy=None if box is None else (box[0], box[1], box[2], box[3])
        )
    if not isinstance(asked.get("like"), str):
        raise BadInput('The body asks for nothing: {"like": "SCENE:17@object"} or {"frame": ...} was expected.')
    return Question(like=asked["like"])


async def json_body(request: Request) -> dict[str, Any]:
    """A JSON object; BadInput for anything else."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError) as error:
        raise BadInput("The body is not JSON.") from error
    if not isinstance(found, dict):
        raise BadInput("The body is not a JSON object.")
    return found


async def uploaded_picture(
    request: Request,
) -> tuple[bytes, tuple[float, float, float, float] | None]:
    """The picture in a multipart body, not yet decoded, and its box."""
    with anyio.move_on_after(_SECONDS) as timed:
        async with request.form(max_files=1, max_fields=8) as form:
            picture, box = form.get("picture"), form.get("box_xyxy")
            if not isinstance(picture, UploadFile):
                raise BadInput("The body has no file called picture.")
            data = await picture.read(MOST_BYTES + 1)
    if timed.cancelled_caught:
        raise Problem(408, "too-slow", f"The picture did not arrive in {_SECONDS:g} s.")
    if len(data) > MOST_BYTES:
        raise Problem(413, "too-large", f"A picture may have at most {MOST_BYTES >> 20} MB.")
    return data, corners(box if isinstance(box, str) else None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
