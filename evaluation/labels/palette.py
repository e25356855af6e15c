"""Colours for label sets that have none."""

import colorsys

RGB = tuple[int, int, int]
_TURN = 0.618034  # of the hue from one colour to the next: the golden angle keeps neighbours apart
_SHADES = ((0.85, 0.95), (0.5, 0.75), (0.95, 0.6), (0.35, 0.95))  # saturation and value, in turn


def distinct_colours(count: int) -> list[RGB]:
    """The same `count` colours every time, no two of them equal up to a few hundred."""
    return [_bytes(colorsys.hsv_to_rgb(i * _TURN % 1, *_SHADES[i % len(_SHADES)])) for i in range(count)]


def _bytes(rgb: tuple[float, float, float]) -> RGB:
    red, green, blue = (round(255 * part) for part in rgb)
    return red, green, blue
