"""How well every point of a scene answers a question, to compute with or to look at."""

from dataclasses import dataclass
from pathlib import Path

from ..core.annotated import checked
from ..drawing.clouds import heat_drawing
from ..query import heat
from ..query.encode import BoxXyxy
from ..query.heat import HeatMap
from ..query.question import GivenImage, Question
from ..store.files.stored_points import Order
from ..store.postgres.database import Database


@dataclass(frozen=True)
class DrawnHeatMap(HeatMap):
    """A heat map that can be saved: grey points, warmer where the score is higher."""

    @checked
    def save_picture(self, path: str | Path) -> None:
        """A look into the scene from above one corner, as .png or .jpg, with the question and the scale below."""
        heat_drawing(self).save_picture(Path(path))

    @checked
    def save_ply(self, path: str | Path) -> None:
        """The coloured cloud, or mesh, as binary PLY."""
        heat_drawing(self).save_ply(Path(path))


@checked
def heat_map(
    store: Database,
    scene: str,
    text: str | None = None,
    *,
    image: GivenImage | None = None,
    frame: tuple[str, str] | None = None,
    box_xyxy: BoxXyxy | None = None,
    like: int | str | None = None,
    features: str | None = None,
    order: Order = "scan",
) -> DrawnHeatMap:
    """The cosine of every point of a scene with words, an image (or a box of it), or a region.

        heat = ovstore.heat_map(store, "scene0003_00", "somewhere soft")
        heat.score                       # (N,) float32, nan for points that no frame saw
        heat.value                       # (N,) the same from 0 (the median or less) to 1 (the best point in a thousand)
        heat.save_picture("soft.png")

    `points` and `score` follow `order`: the scan's own, or that of the store's files. NotFound where there is no such
    scene or feature set, UnknownWords for words that its encoder cannot read, BadInput unless exactly one question is
    asked.
    """
    question = Question(text, image, box_xyxy, like, frame)
    found = heat.heat_map(store, scene, question, features, order)
    return DrawnHeatMap(found.question, found.points, found.up_axis, found.score, found.low, found.high)
