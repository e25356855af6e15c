"""The evidence of an answer on one image: one row per hit, one crop per frame, the box drawn."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PIL import Image, ImageDraw

from ..core.annotated import checked
from ..core.errors import BadInput
from ..core.features import Answer, Evidence, Hit
from ..models.pictures import read_image
from . import picture_file
from .caption import fitted

TILE = (300, 225)  # pixels
COLUMNS = 3
_LEAST_BOX = 16  # pixels of a drawn box
ROWS = 50  # the picture would not fit into memory, or a viewer, with thousands
CAPTION = 46
MARGIN = 10
CONTEXT = 0.2  # of the image's width, at least
ENLARGED = 2.0  # beyond this, pixels become blocks


def save_contact_sheet(answer: Answer, path: Path) -> None:
    """The sheet as a file in the format of the path's suffix."""
    picture_file.save(contact_sheet(answer), path)


@checked
def contact_sheet(answer: Answer) -> Image.Image:
    """The evidence of an answer as one picture, which a notebook shows: a row per hit, a crop per frame, boxes drawn.

        ovstore.contact_sheet(ovstore.search(store, "snoopy", top=3))

    Frames whose image is gone, or cannot be read, are left out; at most 50 hits are drawn.
    """
    hits = answer.hits[:ROWS]
    width = COLUMNS * (TILE[0] + MARGIN) + MARGIN
    height = len(hits) * (TILE[1] + CAPTION + MARGIN) + CAPTION
    sheet = Image.new("RGB", (width, max(height, 2 * CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    doubt = "(probably not here)   " if answer.probably_here is False else ""
    title, font = fitted(f"{doubt}“{answer.question}”", 20, width - 2 * MARGIN)
    draw.text((MARGIN, 12), title, fill="black", font=font)
    top = CAPTION
    for rank, hit in enumerate(hits, start=1):
        tiles = _tiles(hit.evidence)
        line, font = fitted(_caption(rank, hit) + ("" if tiles else ",  no image available"), 15, width - 2 * MARGIN)
        draw.text((MARGIN, top), line, fill=(60, 60, 60), font=font)
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (MARGIN + column * (TILE[0] + MARGIN), top + 24))
        top += TILE[1] + CAPTION + MARGIN
    return sheet


def _caption(rank: int, hit: Hit) -> str:
    return f"{rank}:  {hit.scene}:{hit.name},  score {hit.score:.3f},  {hit.point_count:,} points"


def _tiles(evidence: Sequence[Evidence]) -> list[Image.Image]:
    tiles: list[Image.Image] = []
    for view in evidence:
        if len(tiles) == COLUMNS:
            break
        with suppress(BadInput):
            tiles.append(evidence_tile(Image.fromarray(read_image(Path(view.image_path))), view))
    return tiles


def evidence_tile(image: Image.Image, view: Evidence) -> Image.Image:
    """The box with as much again around it, in the tile's proportions, scaled to the tile, the box drawn.

    What is small is shown with its surroundings: no less of the image than CONTEXT, enlarged ENLARGED times at most.
    """
    x0, y0, x1, y1 = view.box_xyxy
    twice = 2 * max((x1 - x0 + 1) / TILE[0], (y1 - y0 + 1) / TILE[1])
    span = max(twice, CONTEXT * image.width / TILE[0], 1 / ENLARGED)
    width, height = min(span * TILE[0], image.width), min(span * TILE[1], image.height)
    left = min(max((x0 + x1 - width) / 2, 0), image.width - width)
    upper = min(max((y0 + y1 - height) / 2, 0), image.height - height)
    scale = min(TILE[0] / width, TILE[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    tile = image.resize(size, Image.Resampling.BICUBIC, box=(left, upper, left + width, upper + height))
    wider = max(_LEAST_BOX - (x1 + 1 - x0) * scale, 4) / 2  # the lines stand around what they mark
    higher = max(_LEAST_BOX - (y1 + 1 - y0) * scale, 4) / 2
    box = (
        max((x0 - left) * scale - wider, 0),
        max((y0 - upper) * scale - higher, 0),
        min((x1 + 1 - left) * scale - 1 + wider, tile.width - 1),
        min((y1 + 1 - upper) * scale - 1 + higher, tile.height - 1),
    )
    draw = ImageDraw.Draw(tile)
    draw.rectangle(box, outline="white", width=4)
    draw.rectangle(box, outline=(230, 40, 40), width=2)
    name = f"frame {view.frame}" if view.frame.isdecimal() else view.frame
    line, font = fitted(name, 13, tile.width - 10)
    draw.text((5, tile.height - 18), line, "white", font, stroke_width=1, stroke_fill="black")
    return tile
