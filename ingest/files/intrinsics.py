"""The numbers of a pinhole camera, from the text, JSON and .npy files that tools write.

3x3, 3x4 or 4x4 rows                 fx at (0, 0), fy at (1, 1), cx at (0, 2), cy at (1, 2)
"fx fy cx cy", "width height fx fy cx cy"
{"width", "height", "intrinsic_matrix": 9 numbers column by column}       Open3D
{"fx", "fy", "cx", "cy"}, {"fl_x", "fl_y", "cx", "cy", "w", "h"}          Replica, nerfstudio; also below "camera"
{"camera_angle_x", ...}, {"K" or "camera_matrix": 3x3 rows, "D"}          NeRF, ROS and OpenCV

With fl_x or camera_angle_x the principal point counts from the picture's corner, half a pixel further on than the
house's; in all others from the middle of the first pixel. Distortion: cameras/written.py. Skew is refused.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.arrays import map_npy
from ...core.errors import BadScene
from ...core.scene import Camera
from ..cameras.lenses import Lens, is_straight
from ..cameras.written import Bend, number, written_bend
from .json_text import read_json
from .naming import naming
from .numbers_text import read_rows

_ALIASES = {
    "width": ("width", "w", "image_width"),
    "height": ("height", "h", "image_height"),
    "fx": ("fx", "fl_x", "focal_x", "focal_length_x"),
    "fy": ("fy", "fl_y", "focal_y", "focal_length_y"),
    "cx": ("cx", "ppx", "principal_point_x"),
    "cy": ("cy", "ppy", "principal_point_y"),
}
_MATRICES = ("K", "k", "camera_matrix", "intrinsics", "intrinsic")
_SKEW = 0.05  # pixels


@dataclass(frozen=True)
class Intrinsics:
    """A camera that may not know yet how large its images are."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int | None = None
    height: int | None = None
    bend: Bend = ("PINHOLE", ())
    depth_scale: float | None = None  # stored units per metre, where the file says ("scale" of Replica's cam_params)

    def lens(self, width: int, height: int) -> Lens:
        """The lens of images of this size."""
        camera = self.pinhole(width, height)
        model, params = self.bend
        return Lens(model, width, height, camera.fx, camera.fy, camera.cx, camera.cy, params)

    def camera(self, width: int, height: int) -> Camera:
        """The camera of images of this size; BadScene where they have distortion, which a camera cannot say."""
        if width > 1 and height > 1 and not is_straight(self.lens(width, height)):
            raise BadScene(
                f"distortion ({self.bend[0]}) is not supported here: undistort the images, or ingest with rgbd"
            )
        return self.pinhole(width, height)

    def pinhole(self, width: int, height: int) -> Camera:
        """The same without its distortion: as it is, or resized when the file was about another size.

        BadScene where one is portrait and the other landscape: no resizing does that.
        """
        own = Camera(self.width or width, self.height or height, self.fx, self.fy, self.cx, self.cy)
        if (own.width - own.height) * (width - height) < 0:
            raise BadScene(
                f"{width}x{height} pixels, but its intrinsics are for {own.width}x{own.height}: was the image "
                "rotated after it was taken? Rotate it back, or give the intrinsics of the rotated one"
            )
        return own if (own.width, own.height) == (width, height) else own.resized(width, height)


def read_intrinsics(path: Path) -> Intrinsics:
    """The intrinsics that a text or JSON file holds; BadScene names the formats known."""
    found = _from_json(path) if path.suffix.lower() == ".json" else _from_text(path)
    with naming(path):
        found.pinhole(found.width or 1, found.height or 1)
    return found


def _from_text(path: Path) -> Intrinsics:
    rows = _npy_rows(path) if path.suffix.lower() == ".npy" else read_rows(path)
    widths = [len(row) for row in rows]
    if widths in ([3, 3, 3], [4, 4, 4], [4, 4, 4, 4]):
        _require_no_skew(path, rows[0][1])
        return Intrinsics(rows[0][0], rows[1][1], rows[0][2], rows[1][2])
    flat = [number for row in rows for number in row]
    if len(flat) == 9:
        _require_no_skew(path, flat[1])
        return Intrinsics(flat[0], flat[4], flat[2], flat[5])
    if len(flat) == 4:
        fx, fy, cx, cy = flat
        return Intrinsics(fx, fy, cx, cy)
    if len(flat) == 6 and min(flat[:2]) >= 1 and all(math.isfinite(n) and n == int(n) for n in flat[:2]):
        width, height, fx, fy, cx, cy = flat
        return Intrinsics(fx, fy, cx, cy, int(width), int(height))
    raise BadScene(
        f"{path}: {len(rows)} rows with {len(flat)} numbers; expected a 3x3 or 4x4 matrix, 'fx fy cx cy' or "
        "'width height fx fy cx cy'"
    )


def _npy_rows(path: Path) -> list[list[float]]:
    array = map_npy(path)
    if array.ndim != 2 or max(array.shape) > 4:
        raise BadScene(f"{path}: {array.dtype} of shape {array.shape}; a 3x3 or 4x4 matrix was expected")
    return [[float(number) for number in row] for row in array]


def _from_json(path: Path) -> Intrinsics:
    body = read_json(path)
    nested = isinstance(body, dict) and isinstance(body.get("camera"), dict)
    body = body["camera"] if nested else body
    if not isinstance(body, dict):
        raise BadScene(f"{path}: a JSON object with intrinsics was expected, not {type(body).__name__}")
    width, height = (_integer(path, _find(body, name)) for name in ("width", "height"))
    _require_whole(path, body)
    rest: tuple[Bend, float | None] = written_bend(str(path), body), _depth_scale(path, body, nested)
    if (matrix := body.get("intrinsic_matrix")) is not None:
        m = _numbers(path, matrix, 9)
        _require_no_skew(path, m[3])
        return Intrinsics(m[0], m[4], m[6], m[7], width, height, *rest)
    if (matrix := next((body[key] for key in _MATRICES if body.get(key) is not None), None)) is not None:
        matrix = matrix.get("data") if isinstance(matrix, dict) else matrix
        rows = list(matrix) if isinstance(matrix, list) else []
        flat = [n for row in rows for n in row] if all(isinstance(row, list) for row in rows) else rows
        m = _numbers(path, flat, 9)
        _require_no_skew(path, m[1])
        return Intrinsics(m[0], m[4], m[2], m[5], width, height, *rest)
    _require_no_skew(path, _numbers(path, [body.get("skew") or 0.0], 1)[0])
    corner = 0.5 if "fl_x" in body or "camera_angle_x" in body else 0.0
    fx = _find(body, "fx")
    angle = body.get("camera_angle_x")
    if fx is None and isinstance(angle, int | float) and width and 0 < angle < math.pi:
        fx = width / 2 / math.tan(angle / 2)
    if fx is None:
        raise BadScene(f"{path}: neither 'intrinsic_matrix', 'K', 'fx' nor 'fl_x' in it; found {', '.join(body)[:80]}")
    if (fy := _find(body, "fy")) is None:
        fy = fx
    centre = [_find(body, name) for name in ("cx", "cy")]
    if centre == [None, None] and width and height:
        centre = [(width - 1) / 2 + corner, (height - 1) / 2 + corner]
    fx, fy, cx, cy = _numbers(path, [fx, fy, *centre], 4)
    return Intrinsics(fx, fy, cx - corner, cy - corner, width, height, *rest)


def _require_whole(path: Path, body: dict[str, Any]) -> None:
    """ROS: the numbers are about the whole sensor; pictures of a part of it, or binned, have others."""
    roi = body.get("roi")
    cut = isinstance(roi, dict) and any(number(path, roi, key) for key in ("x_offset", "y_offset"))
    if cut or any((number(path, body, key) or 0) > 1 for key in ("binning_x", "binning_y")):
        raise BadScene(f"{path}: a region of interest or binning; give the intrinsics of the images as they are")


def _require_no_skew(path: Path, skew: float) -> None:
    if abs(skew) > _SKEW:
        raise BadScene(f"{path}: a skew of {skew:g} pixels; cameras whose rows and columns are square were expected")


def _depth_scale(path: Path, body: dict[str, Any], nested: bool) -> float | None:
    """Stored units per metre: "scale" beside a camera's numbers means that (Replica), elsewhere other things."""
    keys = ("depth_scale", "png_depth_scale", *(("scale",) if nested else ()))
    scale = number(path, body, *keys)
    if (unit := number(path, body, "depth_unit_scale_factor", "integer_depth_scale")) and scale is None:
        scale = 1 / unit
    if scale is not None and not scale > 0:
        raise BadScene(f"{path}: a depth scale of {scale:g}; stored units per metre were expected")
    return scale


def _find(body: dict[str, Any], name: str) -> Any:
    return next((body[alias] for alias in _ALIASES[name] if alias in body), None)


def _integer(path: Path, value: Any) -> int | None:
    if value is None:
        return None
    (number,) = _numbers(path, [value], 1)
    return int(number)


def _numbers(path: Path, values: Any, count: int) -> list[float]:
    usable = isinstance(values, list) and all(isinstance(v, int | float) and math.isfinite(v) for v in values)
    if not usable or len(values) != count:
        raise BadScene(f"{path}: {count} finite numbers were expected, found {str(values)[:60]}")
    return [float(value) for value in values]
