"""POST /segment/pictures and GET /segment: the pixels of a picture, named by words."""

import base64
import io
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from numpy.typing import NDArray
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from ...core.errors import BadInput
from ...models.pictures import given_image
from ...query.question import stored_image
from ...query.segment import fitted
from ...workflows.segment import DrawnSegments, segmented
from ..asked import MOST_CHARACTERS, Features, named, target
from ..documents import answer
from ..limits import worked
from ..served import Served, served
from ..uploads import uploaded_picture

routes = APIRouter(tags=["segment"])

_MOST_LABELS = 50
_CELLS = 160  # of the longer side of `probabilities`, at most
_PICTURE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"picture": {"type": "string", "format": "binary"}},
                    "required": ["picture"],
                }
            }
        },
    }
}


@dataclass(frozen=True)
class PictureAnswer:
    """A picture that is kept for a while."""

    picture: str  # what `picture` of /segment takes
    width: int
    height: int


@dataclass(frozen=True)
class LabelAnswer:
    """What one label has of the picture."""

    label: str
    colour: list[int]  # r, g, b
    share: float
    confidence: float | None  # mean over its pixels


@dataclass(frozen=True)
class CellsAnswer:
    """A softmax over the labels in cells that cover the picture."""

    width: int
    height: int
    png: str  # base64; grey, the labels one below the other, 255 is 1


@dataclass(frozen=True)
class SegmentAnswer:
    """Each pixel by its best label."""

    width: int
    height: int
    features: str
    labels: list[LabelAnswer]
    label_map: str  # base64 of a grey PNG: the place of each pixel's label
    probabilities: CellsAnswer


@routes.post(
    "/segment/pictures",
    response_model=PictureAnswer,
    openapi_extra=_PICTURE,
    summary="A picture to be segmented",
)
async def pictures(request: Request) -> Response:
    """It is reduced to 2048 pixels, kept in memory with the latest few, and written nowhere."""
    here = served(request)
    data, _ = await uploaded_picture(request)

    def made() -> PictureAnswer:
        pixels = fitted(given_image(data))
        return PictureAnswer(here.pictures.keep(pixels), pixels.shape[1], pixels.shape[0])

    return answer(request, await worked(request, here.gates.searches, made))


@routes.get("/segment", response_model=SegmentAnswer, summary="The pixels of a picture by words")
async def segment(
    request: Request,
    label: Annotated[list[str], Query(min_length=1, max_length=_MOST_LABELS, description="words, one or more")],
    picture: Annotated[str | None, Query(max_length=64, description="from /segment/pictures")] = None,
    scene: Annotated[str | None, Query(max_length=1_000, description="with frame: a scene of the store")] = None,
    frame: Annotated[str | None, Query(max_length=MOST_CHARACTERS, description="the name of its image")] = None,
    features: Features = None,
) -> Response:
    """Of a picture that was sent, or of an image of the store; other words for it are quick."""
    here = served(request)
    if (picture is None) == (frame is None) or (frame is None) != (scene is None):
        raise BadInput("Give picture, or scene and frame.")

    def made() -> SegmentAnswer:
        return _answer(*_segmented(here, label, picture, scene, frame, features))

    return answer(request, await worked(request, here.gates.encodes, made))


def _segmented(
    here: Served, labels: list[str], picture: str | None, scene: str | None, frame: str | None, features: str | None
) -> tuple[str, DrawnSegments]:
    asked = target(here, features, labels)
    if picture is not None:
        pixels = here.pictures.of(picture)
    else:
        assert scene is not None and frame is not None
        pixels = stored_image(here.store, named(scene, "scene"), named(frame, "frame"))
    return asked.features, segmented(asked.encoder, pixels, tuple(words.strip() for words in labels))


def _answer(features: str, found: DrawnSegments) -> SegmentAnswer:
    said = found.to_dict()
    labels = [
        LabelAnswer(row["label"], list(colour), row["share"], row["confidence"])
        for row, colour in zip(said["labels"], found.colours, strict=True)
    ]
    return SegmentAnswer(
        width=said["width"],
        height=said["height"],
        features=features,
        labels=labels,
        label_map=_png(found.label_map),
        probabilities=_cells(found.probabilities),
    )


def _cells(probabilities: NDArray[np.float32]) -> CellsAnswer:
    height, width = probabilities.shape[:2]
    scale = min(1.0, _CELLS / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    planes = []
    for place in range(probabilities.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(probabilities[:, :, place]))
        planes.append(np.asarray(plane.resize(size, Image.Resampling.BOX) if scale < 1 else plane))
    grey = np.rint(255 * np.clip(np.concatenate(planes), 0, 1)).astype(np.uint8)
    return CellsAnswer(size[0], size[1], _png(grey))


def _png(grey: NDArray[np.uint8]) -> str:
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", compress_level=1)
    return base64.b64encode(file.getvalue()).decode()
