"""The cameras of an RGB-D folder: one for all images or one each, of images of any size, with or without distortion."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ....core.errors import BadScene
from ...cameras.lenses import Lens
from ...files.images import image_size
from ...files.intrinsics import Intrinsics, read_intrinsics
from ...files.naming import naming
from ..pairing import order, pair
from ..skipped import some

SHAPE_TOLERANCE = 0.02  # by which width : height of depth and image may differ and still be one field of view
Focal = tuple[float, float | None, float | None, float | None]  # fx, fy, cx, cy; None: not given


def color_lenses(
    folder: Path,
    images: Mapping[str, Path],
    intrinsics: Path | dict[str, Path] | None,
    focal: Focal | None,
    stems: Sequence[str],
) -> tuple[dict[str, Lens], float | None]:
    """The lens of each image at the size that the image has, and the depth scale that the file of intrinsics says."""
    sizes = {stem: image_size(images[stem]) for stem in stems}
    if focal is not None:
        _require_one_size(folder, sizes, "--fx")
        return {stem: _given(focal, *size) for stem, size in sizes.items()}, None
    if intrinsics is None:
        raise BadScene(no_intrinsics(folder))
    if isinstance(intrinsics, Path):
        shared = read_intrinsics(intrinsics)
        if shared.width is None or shared.height is None:
            _require_one_size(folder, sizes, intrinsics.name)
        return {stem: _lens(shared, images[stem], size) for stem, size in sizes.items()}, shared.depth_scale
    pairs = pair(stems, intrinsics)
    if missing := [stem for stem in stems if stem not in pairs.found]:
        raise BadScene(
            f"{folder}: {len(pairs.found)} of {len(stems)} images have intrinsics of their own, not {some(missing)}"
        )
    read = {stem: read_intrinsics(path) for stem, path in pairs.found.items()}
    scales = {one.depth_scale for one in read.values()}
    lenses = {stem: _lens(read[stem], images[stem], size) for stem, size in sizes.items()}
    return lenses, scales.pop() if len(scales) == 1 else None


def no_intrinsics(folder: Path) -> str:
    """That a folder says nothing of its camera, and what to do."""
    return (
        f"{folder}: no intrinsics; looked for intrinsic.txt, camera_intrinsic.json and other usual names. "
        "Name the file with --intrinsics, or give --fx --fy --cx --cy"
    )


def depth_lens(path: Path, color: Lens, own: Intrinsics | None) -> Lens:
    """The depth picture's lens: its own intrinsics, else the colour's field of view at the depth's size."""
    size = image_size(path)
    if own is not None:
        return _lens(own, path, size)
    if size == (color.width, color.height):
        return color
    if not abs(size[0] * color.height / (size[1] * color.width) - 1) < SHAPE_TOLERANCE:
        raise BadScene(
            f"{path}: {size[0]}x{size[1]} readings for an image of {color.width}x{color.height} pixels have another "
            "aspect ratio, so another camera: give its intrinsics in a file intrinsics_depth.txt"
        )
    with naming(path):
        return color.resized(*size)


def _lens(intrinsics: Intrinsics, image: Path, size: tuple[int, int]) -> Lens:
    with naming(image):
        return intrinsics.lens(*size)


def _require_one_size(folder: Path, sizes: dict[str, tuple[int, int]], source: str) -> None:
    """Intrinsics that do not say which size they are about cannot be those of images of two."""
    first = {size: stem for stem, size in reversed(sizes.items())}
    if len(first) > 1:
        (one, stem), (other, odd) = sorted(first.items(), key=lambda item: order(item[1]))[:2]
        raise BadScene(
            f"{folder}: images of {len(first)} sizes ({stem}: {one[0]}x{one[1]}, {odd}: {other[0]}x{other[1]}), and "
            f"{source} does not say which it belongs to: give each image its own intrinsics in a folder, or one "
            "file with width and height"
        )


def _given(focal: Focal, width: int, height: int) -> Lens:
    fx, fy, cx, cy = focal
    return Lens(
        "PINHOLE",
        width,
        height,
        fx,
        fx if fy is None else fy,
        (width - 1) / 2 if cx is None else cx,
        (height - 1) / 2 if cy is None else cy,
    )
