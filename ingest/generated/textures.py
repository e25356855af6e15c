"""Procedural textures: the colour of a surface as a function of where on the object one looks.

A texture takes a Sample of K places and returns (K, 3) float32 colours, 0..1, before light falls on them. All are
functions of position alone, so the mesh and the pictures agree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Real = NDArray[Any]  # of numbers or truth values; colours come out as float32


@dataclass(frozen=True)
class Sample:
    """K places on surfaces, in coordinates of their objects."""

    xyz: Floats  # (K, 3) metres
    normal: Floats  # (K, 3) unit length
    rgb: Floats  # (K, 3) the surface's colour
    accent: Floats  # (K, 3) its second colour
    scale: Floats  # (K,) metres
    seed: Floats  # (K,)

    def uv(self) -> tuple[Floats, Floats]:
        """(K,) twice, metres: the coordinates along the face that the normal looks out of; v is up if it stands."""
        size = np.abs(self.normal)
        lying = (size[:, 2] >= size[:, 0]) & (size[:, 2] >= size[:, 1])
        x, y, z = self.xyz.T
        u = np.where(lying | (size[:, 1] >= size[:, 0]), x, y)
        return u, np.where(lying, y, z)


def paint(sample: Sample, texture: str) -> Floats:
    """(K, 3) colours of one texture."""
    return np.clip(TEXTURES[texture](sample), 0, 1)


@cache
def _noise_volume() -> Floats:
    """(64, 64, 64) smooth noise in -1..1 that repeats without a seam."""
    volume: Real = np.random.default_rng(5).random((64, 64, 64), dtype=np.float32)
    for axis in range(3):
        for _ in range(2):
            volume = np.mean([np.roll(volume, shift, axis) for shift in (-2, -1, 0, 1, 2)], axis=0)
    volume -= volume.mean()
    return np.clip(volume / (2.5 * volume.std()), -1, 1).astype(np.float32)


def noise(xyz: Real, size: Real | float, seed: Real | float = 0.0) -> Floats:
    """(K,) smooth noise in -1..1 with blobs of about `size` metres."""
    step = np.float32(5) / size
    cell = [np.floor(xyz[:, k] * step + seed * (7 + 6 * k)).astype(np.int32) & 63 for k in range(3)]
    return _noise_volume()[cell[0], cell[1], cell[2]]


def _mix(first: Floats, second: Floats, share: Real) -> Floats:
    mixed: Floats = first + (second - first) * share.astype(np.float32)[:, None]
    return mixed


def _bright(rgb: Floats, factor: Real) -> Floats:
    scaled: Floats = rgb * factor.astype(np.float32)[:, None]
    return scaled


def plain(s: Sample) -> Floats:
    return _bright(s.rgb, 1 + 0.03 * noise(s.xyz, 0.05, s.seed))


def wood(s: Sample) -> Floats:
    """Grain along the object's x axis where the face allows it, else up."""
    stretched = s.xyz / np.where(np.abs(s.normal[:, :1]) > 0.7, [[1, 1, 6]], [[6, 1, 1]]).astype(np.float32)
    rings = np.sin(60 * (stretched[:, 1] + stretched[:, 2]) / (s.scale * 20) + 5 * noise(stretched, 0.12, s.seed))
    streak = noise(stretched, 0.012, s.seed)
    return _bright(s.rgb, 0.97 + 0.08 * rings + 0.10 * streak)


def metal(s: Sample) -> Floats:
    """Brushed: bands of reflection that follow the normal."""
    band = np.sin(5.5 * s.normal[:, 2] + 3.5 * s.normal[:, 0] + 1.0)
    brushed = _bright(s.rgb, 1.0 + 0.22 * band + 0.05 * noise(s.xyz, 0.008, s.seed))
    return brushed + (0.09 * np.maximum(band, 0)[:, None]).astype(np.float32)


def glaze(s: Sample) -> Floats:
    """Ceramic: smooth, with a highlight where the surface looks up and aside."""
    shine = np.maximum(0.45 * s.normal[:, 0] - 0.45 * s.normal[:, 1] + 0.77 * s.normal[:, 2], 0) ** 12
    return (s.rgb + 0.3 * shine[:, None]).astype(np.float32)


def weave(s: Sample) -> Floats:
    u, v = s.uv()
    thread = np.sin(2 * np.pi * u / s.scale) * np.sin(2 * np.pi * v / s.scale)
    return _bright(s.rgb, 1 + 0.10 * thread + 0.06 * noise(s.xyz, 0.03, s.seed))


def leather(s: Sample) -> Floats:
    crack = 1 - np.abs(noise(s.xyz, 0.03, s.seed))
    return _bright(s.rgb, 0.92 + 0.10 * noise(s.xyz, 0.15, s.seed) + 0.12 * crack**8)


def glass(s: Sample) -> Floats:
    u, v = s.uv()
    streak = np.maximum(np.sin((u + v) / s.scale * 2), 0) ** 10
    return _mix(s.rgb, np.ones_like(s.rgb), 0.25 + 0.45 * streak)


def marble(s: Sample) -> Floats:
    vein = 1 - np.abs(noise(s.xyz, s.scale * 2, s.seed) + 0.3 * noise(s.xyz, s.scale / 2, s.seed))
    return _mix(s.rgb, s.rgb * 0.55, np.clip(vein, 0, 1) ** 9)


def cardboard(s: Sample) -> Floats:
    return _bright(s.rgb, 1 + 0.03 * np.sin(2 * np.pi * s.uv()[0] / s.scale) + 0.05 * noise(s.xyz, 0.02, s.seed))


def plush(s: Sample) -> Floats:
    return _bright(s.rgb, 0.97 + 0.16 * noise(s.xyz, s.scale, s.seed))


def wicker(s: Sample) -> Floats:
    u, v = s.uv()
    row = np.floor(v / s.scale)
    strand = np.sin(np.pi * (u / s.scale + row)) * np.sin(np.pi * v / s.scale)
    return _bright(s.rgb, 0.75 + 0.45 * np.abs(strand))


def leaf(s: Sample) -> Floats:
    return _bright(s.rgb, 1 + 0.30 * noise(s.xyz, s.scale, s.seed))


def stripes(s: Sample) -> Floats:
    return _mix(s.rgb, s.accent, (s.uv()[0] / s.scale) % 1 > 0.6)


def bands(s: Sample) -> Floats:
    return _mix(s.rgb, s.accent, (s.xyz[:, 2] / s.scale) % 1 > 0.6)


def checker(s: Sample) -> Floats:
    u, v = s.uv()
    return _mix(s.rgb, s.accent, (np.floor(u / s.scale) + np.floor(v / s.scale)) % 2)


def dots(s: Sample) -> Floats:
    u, v = s.uv()
    shifted = u / s.scale + 0.5 * (np.floor(v / s.scale) % 2)
    return _mix(s.rgb, s.accent, (shifted % 1 - 0.5) ** 2 + ((v / s.scale) % 1 - 0.5) ** 2 < 0.09)


def plaid(s: Sample) -> Floats:
    u, v = ((c / s.scale) % 1 for c in s.uv())
    share = 0.5 * (u > 0.7) + 0.5 * (v > 0.7)
    return _bright(_mix(s.rgb, s.accent, share), 1 - 0.3 * (np.abs(u - 0.35) < 0.04) - 0.3 * (np.abs(v - 0.35) < 0.04))


def bricks(s: Sample) -> Floats:
    u, v = s.uv()
    row = np.floor(v / (s.scale / 2.5))
    across = u / s.scale + 0.5 * (row % 2)
    mortar = ((across % 1) < 0.05) | ((v / (s.scale / 2.5)) % 1 < 0.12)
    tint = 1 + 0.18 * np.sin(row * 12.9 + np.floor(across) * 78.2) + 0.1 * noise(s.xyz, 0.03, s.seed)
    return _mix(_bright(s.rgb, tint), s.accent, mortar)


def tiles(s: Sample) -> Floats:
    u, v = s.uv()
    grout = ((u / s.scale) % 1 < 0.035) | ((v / s.scale) % 1 < 0.035)
    tint = 1 + 0.05 * np.sin(np.floor(u / s.scale) * 12.9 + np.floor(v / s.scale) * 78.2)
    return _mix(_bright(s.rgb, tint), s.accent, grout)


def planks(s: Sample) -> Floats:
    u, v = s.uv()
    row = np.floor(v / s.scale)
    along = u / (s.scale * 8) + 0.37 * (row % 5)
    gap = ((v / s.scale) % 1 < 0.03) | (along % 1 < 0.004)
    tint = 1 + 0.12 * np.sin(row * 12.9 + np.floor(along) * 78.2)
    grain = noise(s.xyz / np.array([8, 1, 1], np.float32), 0.015, row % 61)
    return _bright(s.rgb, (tint + 0.12 * grain) * np.where(gap, 0.55, 1))


def wallpaper(s: Sample) -> Floats:
    return _mix(s.rgb, s.accent, 0.5 * ((s.uv()[0] / s.scale) % 1 > 0.5))


def sky(s: Sample) -> Floats:
    """What is seen through a window: clouds over green hills."""
    x, height = s.xyz[:, 0], s.xyz[:, 2]
    cloud = np.clip(2 * noise(s.xyz * np.array([0.5, 0, 1], np.float32), 0.25, s.seed), 0, 1)
    air = _mix(np.full_like(s.rgb, (0.55, 0.76, 0.97)), np.ones_like(s.rgb), cloud)
    hill = height < 0.28 + 0.06 * np.sin(5 * x + s.seed) + 0.03 * np.sin(13 * x)
    return _mix(air, np.full_like(s.rgb, (0.30, 0.52, 0.25)), hill)


def painting(s: Sample) -> Floats:
    """A framed picture: fields of the two colours, a sun and a horizon, another one for each seed."""
    x, z = s.xyz[:, 0] / s.scale, s.xyz[:, 2] / s.scale
    hill = z < 0.35 + 0.12 * np.sin(4 * x + s.seed) + 0.05 * np.sin(11 * x + 2 * s.seed)
    near = z < 0.18 + 0.10 * np.sin(3 * x - s.seed)
    sun = (x - 0.3 * np.sin(s.seed)) ** 2 + (z - 0.72) ** 2 < 0.018
    ground = _mix(_mix(_mix(s.accent, s.rgb * 0.4 + 0.6, z), s.rgb, hill), s.rgb * 0.55, near)
    return _mix(ground, np.full_like(s.rgb, (0.98, 0.85, 0.35)), sun)


def screen(s: Sample) -> Floats:
    """A desktop with windows, on the face that looks to the front."""
    x, z = s.xyz[:, 0] / s.scale, s.xyz[:, 2] / s.scale
    back = _mix(np.full_like(s.rgb, (0.10, 0.25, 0.55)), np.full_like(s.rgb, (0.35, 0.65, 0.90)), np.clip(z, 0, 1))
    page = (np.abs(x + 0.15) < 0.36) & (np.abs(z - 0.52) < 0.3)
    text = page & ((z * 22) % 1 < 0.45) & (np.abs(x + 0.15) < 0.30) & (z < 0.72)
    bar = page & (z > 0.76)
    shown = _mix(_mix(back, np.full_like(s.rgb, 0.95), page), np.full_like(s.rgb, 0.35), text)
    return _mix(shown, np.full_like(s.rgb, (0.9, 0.45, 0.2)), bar)


def film(s: Sample) -> Floats:
    """A television's evening: mountains before a sunset."""
    x, z = s.xyz[:, 0] / s.scale, s.xyz[:, 2] / s.scale
    dusk = _mix(
        np.full_like(s.rgb, (0.95, 0.55, 0.30)), np.full_like(s.rgb, (0.20, 0.18, 0.50)), np.clip(z * 1.2, 0, 1)
    )
    ridge = z < 0.42 + 0.10 * np.abs(np.sin(4 * x + s.seed)) - 0.12 * np.abs(np.sin(9 * x))
    return _mix(dusk, np.full_like(s.rgb, (0.08, 0.08, 0.16)), ridge)


def keys(s: Sample) -> Floats:
    u, v = s.uv()
    cap = ((u / s.scale) % 1 > 0.18) & ((v / s.scale) % 1 > 0.18)
    return _mix(s.rgb, s.accent, cap & (s.normal[:, 2] > 0.7))


def continents(s: Sample) -> Floats:
    land = noise(s.xyz, 0.16, s.seed) + 0.5 * noise(s.xyz, 0.05, s.seed) > 0.35
    return _mix(s.rgb, s.accent, land)


def football(s: Sample) -> Floats:
    """Dark pentagons at the corners of an icosahedron."""
    golden = (1 + 5**0.5) / 2
    corner = np.array([(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)])
    corner = np.concatenate([np.roll(corner, k, axis=1) for k in range(3)]) / np.hypot(1, golden)
    return _mix(s.rgb, s.accent, (s.normal @ corner.T.astype(np.float32)).max(axis=1) > 0.93)


def rind(s: Sample) -> Floats:
    """Ribs that run from pole to pole, as on a pumpkin or a cactus."""
    angle = np.arctan2(s.xyz[:, 1], s.xyz[:, 0])
    return _bright(s.rgb, 0.85 + 0.25 * np.cos(s.scale * angle))


TEXTURES: dict[str, Callable[[Sample], Floats]] = {
    texture.__name__: texture
    for texture in (
        plain, wood, metal, glaze, weave, leather, glass, marble, cardboard, plush, wicker, leaf, stripes, bands,
        checker, dots, plaid, bricks, tiles, planks, wallpaper, sky, painting, screen, film, keys, continents,
        football, rind,
    )
}  # fmt: skip
