"""The lens that a JSON file of intrinsics describes, in the keys that nerfstudio, OpenCV, ROS and RealSense write.

    "k1" ... "k4", "p1", "p2"; "distortion_params": k1, k2, k3, k4, p1, p2            nerfstudio
    "D", "distortion_coefficients", "coeffs" ...: k1, k2, p1, p2, k3, k4, k5, k6      OpenCV, ROS, RealSense
    "camera_model", "distortion_model", "model", "is_fisheye"                         of which formula they are

Numbers that no formula here takes are refused: a picture read as a pinhole's would be wrong by tens of pixels.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.errors import BadScene

Bend = tuple[str, tuple[float, ...]]  # COLMAP's name of a lens, and its parameters behind the principal point

FISHEYE = "OPENCV_FISHEYE"
PERSPECTIVE = ("SIMPLE_PINHOLE", "PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV")  # one formula, fewer or more terms
LENS_KEYS = ("k1", "k2", "k3", "k4", "p1", "p2")  # also the order of nerfstudio's distortion_params
_MODEL_KEYS = ("distortion_model", "camera_model", "model")
_UNKNOWN = ("k5", "k6", "s1", "s2", "s3", "s4")
_LIST_KEYS = (
    "D", "d", "distortion_coefficients", "distortion_coeffs", "dist_coeffs", "dist_coeff", "distortion", "dist",
    "coeffs", "distCoeffs",
)  # fmt: skip
_PLAIN = frozenset({"", "none", "pinhole", "perspective", "simple_pinhole", "distortion.none"})
_POLYNOMIAL = frozenset(
    {"opencv", "full_opencv", "radial", "simple_radial", "plumb_bob", "rational_polynomial", "radtan", "brown_conrady",
     "distortion.brown_conrady", "modified_brown_conrady", "distortion.modified_brown_conrady"}
)  # fmt: skip
_EQUIDISTANT = frozenset(
    {"opencv_fisheye", "fisheye", "equidistant", "equi", "kannala_brandt", "kannala_brandt4",
     "distortion.kannala_brandt4"}
)  # fmt: skip


def number(where: str | Path, numbers: dict[str, Any], *keys: str) -> float | None:
    """The first of these that is given."""
    for key in keys:
        if (value := numbers.get(key)) is None:
            continue
        try:
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                return float(value)
        except OverflowError:
            pass
        raise BadScene(f"{where}: {key} is {str(value)[:40]!r}; a number was expected")
    return None


def scalar_bend(where: str, numbers: dict[str, Any]) -> Bend:
    """A lens in nerfstudio's keys."""
    named = numbers.get("camera_model", FISHEYE if numbers.get("is_fisheye") is True else "OPENCV")
    if named not in (*PERSPECTIVE, FISHEYE):
        raise BadScene(
            f"{where}: camera_model {str(named)[:40]!r} is not a perspective image; "
            f"{', '.join((*PERSPECTIVE, FISHEYE))} are supported, and EQUIRECTANGULAR of a transforms.json; cut "
            "others into perspective images first"
        )
    listed = numbers.get("distortion_params")
    if listed is not None and (not isinstance(listed, list) or len(listed) != len(LENS_KEYS)):
        raise BadScene(f"{where}: distortion_params are {len(LENS_KEYS)} numbers ({', '.join(LENS_KEYS)})")
    source = numbers if listed is None else dict(zip(LENS_KEYS, listed, strict=True))
    k1, k2, k3, k4, p1, p2 = (number(where, source, key) or 0.0 for key in LENS_KEYS)
    if named == FISHEYE:
        if p1 or p2:
            raise BadScene(f"{where}: camera_model {FISHEYE} has k1 to k4; p1 = {p1:g} and p2 = {p2:g} were found too")
        return FISHEYE, (k1, k2, k3, k4)
    if k4:
        raise BadScene(f"{where}: k4 = {k4:g} belongs to a fisheye; declare it with camera_model {FISHEYE}")
    return _polynomial((k1, k2, p1, p2, k3))


def written_bend(where: str, body: dict[str, Any]) -> Bend:
    """A lens in anybody's keys."""
    name = next((body[key] for key in _MODEL_KEYS if isinstance(body.get(key), str)), "")
    model = name.lower().replace(" ", "_")
    key = next((key for key in _LIST_KEYS if body.get(key) is not None), None)
    if key is None:
        if strange := [key for key in _UNKNOWN if number(where, body, key)]:
            raise BadScene(f"{where}: distortion {', '.join(strange)} is not supported; undistort the images")
        known = {_EQUIDISTANT: FISHEYE, _POLYNOMIAL | _PLAIN: "OPENCV"}
        plain = next((plain for names, plain in known.items() if model in names), None)
        return scalar_bend(where, body if plain is None or body.get("is_fisheye") else {**body, "camera_model": plain})
    numbers = _listed(where, key, body[key])
    if model in _EQUIDISTANT or body.get("is_fisheye") is True:
        if any(numbers[4:]):
            raise BadScene(f"{where}: {key} of a fisheye are 4 numbers, not {len(numbers)}")
        return FISHEYE, tuple((*numbers, 0.0, 0.0, 0.0, 0.0)[:4])
    if not any(numbers):
        return "PINHOLE", ()
    if model not in _POLYNOMIAL | _PLAIN:
        raise BadScene(
            f"{where}: the distortion model {name[:40]!r} is not known; known: plumb_bob, rational_polynomial, "
            "equidistant and COLMAP's names. Undistort the images and leave the distortion out"
        )
    if any(numbers[8:]):
        raise BadScene(f"{where}: {key} has {len(numbers)} numbers; up to 8 are read (k1, k2, p1, p2, k3 to k6)")
    return _polynomial(numbers[:8])


def _polynomial(numbers: Sequence[float]) -> Bend:
    """Of k1, k2, p1, p2, k3, k4, k5, k6, of which the last may be missing."""
    k1, k2, p1, p2, *more = (*numbers, *(0.0,) * (8 - len(numbers)))
    if any(more):
        return "FULL_OPENCV", (k1, k2, p1, p2, *more)
    return ("OPENCV", (k1, k2, p1, p2)) if k1 or k2 or p1 or p2 else ("PINHOLE", ())


def _listed(where: str, key: str, value: Any) -> tuple[float, ...]:
    """Numbers in a list, in a list of lists, or as OpenCV writes a matrix: {"rows", "cols", "data"}."""
    value = value.get("data") if isinstance(value, dict) else value
    rows = value if isinstance(value, list) else [value]
    flat = [item for row in rows for item in (row if isinstance(row, list) else [row])]
    numbers = tuple(number(where, {key: item}, key) for item in flat)
    if any(item is None for item in numbers):
        raise BadScene(f"{where}: {key} is {str(value)[:40]!r}; distortion coefficients were expected")
    return tuple(item for item in numbers if item is not None)
