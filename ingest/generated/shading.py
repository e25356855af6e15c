"""The colour that a place on a surface sends back: its texture under the room's light. The same from every side."""

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry
from .textures import TEXTURES, Floats, Sample, paint

_NAMES = list(TEXTURES)
_LIGHT = np.array([0.35, -0.50, 0.79], np.float32)  # where the lamp under the ceiling is, from everywhere: Lambert
_FILL = np.array([-0.80, 0.45, 0.40], np.float32)  # the day's light from aside


@dataclass(frozen=True)
class _Table:
    """The columns of all surfaces, one row per part."""

    texture: NDArray[np.uint8]
    rgb: Floats
    accent: Floats
    scale: Floats
    seed: Floats
    object: NDArray[np.int32]
    cosine: Floats
    sine: Floats
    origin: Floats


_tables: "weakref.WeakKeyDictionary[Geometry, _Table]" = weakref.WeakKeyDictionary()


def _table(geometry: Geometry) -> _Table:
    if geometry not in _tables:
        look, owner = geometry.part_surface, geometry.part_object
        _tables[geometry] = _Table(
            np.array([_NAMES.index(s.texture) for s in look], np.uint8),
            np.array([s.rgb for s in look], np.float32),
            np.array([s.accent for s in look], np.float32),
            np.array([s.scale for s in look], np.float32),
            np.array([s.seed for s in look], np.float32),
            owner,
            np.cos(geometry.object_yaw)[owner].astype(np.float32),
            np.sin(geometry.object_yaw)[owner].astype(np.float32),
            geometry.object_origin[owner].astype(np.float32),
        )
    return _tables[geometry]


def shade(geometry: Geometry, xyz: Floats, normal: Floats, part: NDArray[np.int32]) -> NDArray[np.uint8]:
    """(K, 3) uint8 colours of K places: xyz metres and unit normals in the world, and the parts they lie on."""
    table = _table(geometry)
    texture = table.texture[part]
    order = np.argsort(texture, kind="stable")
    ends = np.cumsum(np.bincount(texture, minlength=len(_NAMES)))
    colour = np.empty((len(part), 3), np.float32)
    for index, stop in enumerate(ends):
        rows = order[ends[index - 1] if index else 0 : stop]
        if len(rows):
            colour[rows] = paint(_sample(table, xyz[rows], normal[rows], part[rows]), _NAMES[index])
    return np.rint(np.clip(colour * _light(normal)[:, None], 0, 1) * 255).astype(np.uint8)


def _sample(table: _Table, xyz: Floats, normal: Floats, part: NDArray[np.int32]) -> Sample:
    """World to object coordinates, with the columns of each place's surface."""
    c, s = table.cosine[part], table.sine[part]
    x, y, z = (xyz - table.origin[part]).T
    nx, ny, nz = normal.T
    local = np.stack([c * x + s * y, c * y - s * x, z], 1)
    turned = np.stack([c * nx + s * ny, c * ny - s * nx, nz], 1)
    return Sample(local, turned, table.rgb[part], table.accent[part], table.scale[part], table.seed[part])


def _light(normal: Floats) -> Floats:
    return (
        np.float32(0.60)
        + np.float32(0.40) * np.maximum(normal @ _LIGHT, 0)
        + np.float32(0.18) * np.maximum(normal @ _FILL, 0)
        + np.float32(0.06) * normal[:, 2]
    )
