"""A scene in colours, as a picture or as a cloud to open elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from ..core.scene import PointCloud
from ..query.heat import HeatMap
from ..store.catalog import catalog
from ..store.files.ply_writer import write_ply
from ..store.postgres.database import Database
from . import picture_file
from .caption import fitted
from .render import View, heat_colours, overview, render, upright

_CAPTION = 48  # pixels


@dataclass(frozen=True)
class Drawing:
    """Points and their colours, and what a picture of them says below."""

    points: PointCloud
    colours: NDArray[np.uint8]  # (N, 3)
    caption: str
    up_axis: str = "z"
    scale: tuple[float, float] | None = None  # what the darkest and the brightest heat colour stand for

    def save_ply(self, path: Path, columns: Mapping[str, NDArray[np.generic]] = MappingProxyType({})) -> None:
        """The coloured cloud, with its faces where there are some, and further numbers of each point."""
        write_ply(path, self.points.xyz, self.colours, faces=self.points.faces, columns=columns)

    def save_picture(self, path: Path, view: View | None = None) -> None:
        """`picture` as a file in the format of the path's suffix."""
        picture_file.save(self.picture(view), path)

    def picture(self, view: View | None = None) -> Image.Image:
        """A look into the scene (from above one corner unless a view is given), caption and scale below."""
        points = upright(self.points, self.up_axis) if view is None else self.points
        picture = Image.fromarray(render(points, self.colours, view or overview(points)))
        sheet = Image.new("RGB", (picture.width, picture.height + _CAPTION), "white")
        sheet.paste(picture, (0, 0))
        draw, line = ImageDraw.Draw(sheet), picture.height + 13
        caption, font = fitted(self.caption, 16, sheet.width - (32 if self.scale is None else 372))
        draw.text((16, line), caption, fill="black", font=font)
        if self.scale is not None:
            bar = heat_colours(np.linspace(0, 1, 200))[None].repeat(12, axis=0)
            sheet.paste(Image.fromarray(bar), (sheet.width - 290, line + 5))
            draw.text((sheet.width - 340, line), f"{self.scale[0]:.2f}", fill="black", font=font)
            draw.text((sheet.width - 80, line), f"{self.scale[1]:.2f}", fill="black", font=font)
        return sheet


def scene_drawing(store: Database, scene: str) -> Drawing:
    """A scene in its own colours."""
    found = catalog.find_scene(store, scene)
    points = catalog.load_points(store, found.id).points
    return Drawing(points, _own_colours(points), found.full_name, found.up_axis)


def heat_drawing(heat: HeatMap) -> Drawing:
    """The cloud of a heat map in heat colours."""
    colours = heat_colours_on(heat.points, heat.value)
    return Drawing(heat.points, colours, f"“{heat.question}”", heat.up_axis, (heat.low, heat.high))


def heat_colours_on(points: PointCloud, value: NDArray[np.floating]) -> NDArray[np.uint8]:
    """(N, 3): the cloud in grey, warmer where `value` (N,) in [0, 1] is higher."""
    grey = (_own_colours(points) @ np.array([0.299, 0.587, 0.114]))[:, None].repeat(3, axis=1) * 0.55 + 90
    share = np.clip(value * 1.6, 0, 1)[:, None]
    return (grey * (1 - share) + heat_colours(value) * share).round().astype(np.uint8)


def _own_colours(points: PointCloud) -> NDArray[np.uint8]:
    return np.full((len(points), 3), 150, np.uint8) if points.rgb is None else points.rgb
