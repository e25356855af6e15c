"""A picture beside its features: their main directions as colours, and the nearest label at every pixel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from .caption import fitted
from .feature_colours import Directions, products

PANEL = 480  # pixels of a panel's longer side
MOST_LABELS = 24  # in a legend; those with the largest areas
_LINE, _SWATCH, _MARGIN = 24, 16, 10
_TINT = 0.55  # how much of a pixel is its label's colour
_SHOWN = 80  # characters of a label at most
_ROOM = 14  # pixels between an area's border and the middle of the name written on it

Sampling = Literal["nearest", "bilinear"]


@dataclass(frozen=True)
class Labels:
    """Words that pixels are named with."""

    names: Sequence[str]
    vectors: NDArray[np.float32]  # (n, C) unit rows
    colours: Sequence[tuple[int, int, int]]
    head: Callable[[NDArray[np.float32]], NDArray[np.float32]] | None = None  # (h, w, n) cosines to scores


def preview(
    name: str,
    image: NDArray[np.uint8],
    values: NDArray[np.float16],
    sampling: Sampling,
    directions: Directions,
    labels: Labels | None,
) -> Image.Image:
    """Panels side by side, or one below the other for wide pictures, a line below each, the legend last."""
    height, width = image.shape[:2]
    long = PANEL * (2 if width > 2 * height else 1)
    size = max(1, round(width * long / max(height, width))), max(1, round(height * long / max(height, width)))
    picture = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    colours = Image.fromarray(directions.colours(values)).resize(size, _filter(sampling))
    panels = [
        (picture, f"{name}, {width}x{height}"),
        (colours, "features: 3 principal components as RGB"),
    ]
    legend: list[tuple[str, tuple[int, int, int]]] = []
    if labels is not None:
        nearest = nearest_label(values, labels, size, sampling)
        panels.append((_named(picture, nearest, labels), "nearest label"))
        legend = legend_of(nearest, labels)
    return _sheet(panels, legend, in_a_row=width <= 2 * height)


def segmented(image: Image.Image, nearest: NDArray[np.intp], labels: Labels, tint: float) -> Image.Image:
    """The whole image tinted by the label of each pixel, names on the larger areas, the legend below."""
    return _sheet([(_named(image, nearest, labels, tint), "")], legend_of(nearest, labels), in_a_row=True)


def nearest_label(
    values: NDArray[np.float16], labels: Labels, size: tuple[int, int], sampling: Sampling
) -> NDArray[np.intp]:
    """(height, width) of `size`: the row of `labels` with the largest cosine, or score by its head; ties: first."""
    scores = products(values, labels.vectors)
    if labels.head is not None:
        scores = labels.head(scores)
    best = np.full(size[::-1], -np.inf, np.float32)
    nearest = np.zeros(size[::-1], np.intp)
    for row in range(len(labels.names)):
        plane = np.asarray(Image.fromarray(np.ascontiguousarray(scores[:, :, row])).resize(size, _filter(sampling)))
        better = plane > best
        best[better], nearest[better] = plane[better], row
    return nearest


def legend_of(nearest: NDArray[np.intp], labels: Labels) -> list[tuple[str, tuple[int, int, int]]]:
    """The labels that occur with their shares of the area and colours, the largest first."""
    counts = np.bincount(nearest.ravel(), minlength=len(labels.names))
    order = [row for row in np.argsort(-counts, kind="stable") if counts[row]]
    entries = [
        (f"{labels.names[row][:_SHOWN]} {_percent(counts[row] / nearest.size)}", labels.colours[row])
        for row in order[:MOST_LABELS]
    ]
    if len(order) > MOST_LABELS:
        entries.append((f"and {len(order) - MOST_LABELS} smaller ones", (255, 255, 255)))
    return entries


def _percent(share: float) -> str:
    return "below 1 %" if share < 0.005 else f"{share:.0%}".replace("%", " %")


def _filter(sampling: Sampling) -> Any:
    return Image.Resampling.NEAREST if sampling == "nearest" else Image.Resampling.BILINEAR


def _named(picture: Image.Image, nearest: NDArray[np.intp], labels: Labels, tint: float = _TINT) -> Image.Image:
    """The picture in the labels' colours, each name where its area is widest."""
    colours = np.array(labels.colours, np.uint8)[nearest]
    tinted = Image.blend(picture.convert("L").convert("RGB"), Image.fromarray(colours), tint)
    draw = ImageDraw.Draw(tinted)
    for row in np.unique(nearest):
        inside = ndimage.distance_transform_edt(np.pad(nearest == row, 1))[1:-1, 1:-1]
        top, left = np.unravel_index(inside.argmax(), inside.shape)
        if inside[top, left] >= _ROOM:
            words, font = fitted(labels.names[row][:_SHOWN], 14, tinted.width // 3)
            half = font.getlength(words) / 2 + 3
            middle = min(max(left, half), tinted.width - half), top
            draw.text(middle, words, "white", font, anchor="mm", stroke_width=2, stroke_fill=(40, 40, 40))
    return tinted


def _sheet(
    panels: Sequence[tuple[Image.Image, str]], legend: Sequence[tuple[str, tuple[int, int, int]]], in_a_row: bool
) -> Image.Image:
    width, height = panels[0][0].size
    across = max(width, PANEL // 2)  # room for words below narrow pictures
    step = (across + _MARGIN, 0) if in_a_row else (0, height + _LINE + _MARGIN)
    right = _MARGIN + across + step[0] * (len(panels) - 1)
    bottom = _MARGIN + height + _LINE + step[1] * (len(panels) - 1)
    places, rows = _places(legend, right - _MARGIN)
    sheet = Image.new("RGB", (right + _MARGIN, bottom + _MARGIN + rows * _LINE), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (panel, words) in enumerate(panels):
        left, top = _MARGIN + step[0] * number, _MARGIN + step[1] * number
        sheet.paste(panel, (left, top))
        line, font = fitted(words, 14, across)
        draw.text((left, top + height + 4), line, (90, 90, 90), font)
    for (words, colour), (left, row) in zip(legend, places, strict=True):
        top = bottom + _MARGIN // 2 + row * _LINE
        draw.rectangle((_MARGIN + left, top, _MARGIN + left + _SWATCH, top + _SWATCH), colour, (90, 90, 90))
        line, font = fitted(words, 15, right - _MARGIN - _SWATCH)
        draw.text((_MARGIN + left + _SWATCH + 6, top + _SWATCH / 2), line, "black", font, anchor="lm")
    return sheet


def _places(legend: Sequence[tuple[str, tuple[int, int, int]]], room: int) -> tuple[list[tuple[int, int]], int]:
    """(left, row) of each entry of a legend `room` pixels wide, and how many rows there are."""
    font = ImageFont.load_default(15)
    places: list[tuple[int, int]] = []
    left = row = 0
    for words, _ in legend:
        width = _SWATCH + 6 + round(font.getlength(words)) + 2 * _MARGIN
        if left and left + width > room:
            left, row = 0, row + 1
        places.append((left, row))
        left += width
    return places, row + 1 if legend else 0
