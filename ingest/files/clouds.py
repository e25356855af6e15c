"""Point clouds and meshes of files, as PointClouds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import BadScene, MissingPackage
from ...core.plugins import missing_package_sentence
from ...core.scene import PointCloud
from .measured import faces_of, measured
from .naming import naming
from .pcd import read_pcd
from .ply import Ply, read_ply
from .xyz import read_xyz

_LAS = (".las", ".laz")
_TEXTS = (".xyz", ".xyzn", ".xyzrgb", ".pts")
_RGB = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_NORMALS = (("nx", "ny", "nz"), ("normal_x", "normal_y", "normal_z"))
_LABELS = ("label", "labels", "semantic_label", "class")
_INSTANCES = ("instance", "instance_id", "object_id", "objectId")
_SEGMENTS = ("segment", "segment_id", "superpoint")


def read_cloud(path: Path) -> PointCloud:
    """The points of a file with what it knows of them: colours, normals, labels, instances, segments, faces.

    By its ending a .pcd, .las or .laz, or text (.xyz, .xyzn, .xyzrgb, .pts), else a PLY. Integer properties named
    label, instance or segment (or a usual other name of those) are taken as such.
    """
    suffix = path.suffix.lower()
    if suffix in _LAS:
        try:
            from .las import CLASSES, read_las
        except ModuleNotFoundError as error:
            if error.name not in ("laspy", "lazrs"):
                raise
            raise MissingPackage(missing_package_sentence(f"clouds in {suffix}", "laspy")) from error
        cloud = as_cloud(path, Ply(read_las(path), None))
        present = [] if cloud.labels is None else np.unique(cloud.labels).tolist()
        return replace(cloud, label_names={k: CLASSES.get(k, f"class {k}") for k in present if k >= 0})
    if suffix == ".pcd":
        return as_cloud(path, Ply(read_pcd(path), None))
    return as_cloud(path, Ply(read_xyz(path), None) if suffix in _TEXTS else read_ply(path))


def as_cloud(path: Path, ply: Ply) -> PointCloud:
    """The same of a file that was read."""
    vertices = ply.vertices
    names = vertices.dtype.names or ()
    if not {"x", "y", "z"} <= set(names):
        raise BadScene(f"{path}: vertices without x, y, z (their properties are {', '.join(names)})")
    if len(vertices) == 0:
        raise BadScene(f"{path}: no points in it")
    with naming(path), np.errstate(over="ignore", invalid="ignore"):
        xyz = _columns(vertices, ("x", "y", "z")).astype(np.float64)
        kept = measured(path, xyz)
        if not kept.all():
            vertices, xyz = vertices[kept], xyz[kept]
        rgb, notes = _rgb(path, vertices)
        return PointCloud(
            xyz,
            rgb=rgb,
            normals=_normals(vertices),
            labels=_integers(vertices, _LABELS),
            instances=_integers(vertices, _INSTANCES),
            segments=_integers(vertices, _SEGMENTS),
            faces=None if ply.faces is None else faces_of(kept, ply.faces),
            left_out=None if kept.all() else np.flatnonzero(~kept),
            notes=notes,
        )


def _columns(vertices: NDArray[np.void], names: tuple[str, ...]) -> NDArray[Any]:
    return np.stack([vertices[name] for name in names], axis=1)


def _present(vertices: NDArray[np.void], choices: tuple[tuple[str, ...], ...]) -> NDArray[Any] | None:
    known = set(vertices.dtype.names or ())
    return next((_columns(vertices, names) for names in choices if set(names) <= known), None)


def _rgb(path: Path, vertices: NDArray[np.void]) -> tuple[NDArray[np.uint8] | None, tuple[str, ...]]:
    """The colours of 8 bits, and what was guessed of them.

    The values tell the range, not the type: converters of LAS files keep 8 bits in fields of 16. Sixteen bits are cut
    to their upper eight.
    """
    colours = _present(vertices, _RGB)
    if colours is None or colours.dtype == np.uint8:
        return colours, ()
    values = np.nan_to_num(colours.astype(np.float64))
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 65535:
        raise BadScene(f"{path}: colours from {low:g} to {high:g}; expected 0 to 255, 0 to 65535, or 0 to 1")
    said = f"colours: {colours.dtype} from {low:g} to {high:g}, taken as"
    if colours.dtype.kind == "f" and high <= 1:
        return np.round(values * 255).astype(np.uint8), (f"{said} 0 to 1",)
    if high <= 255:
        return np.round(values).astype(np.uint8), (f"{said} 8 bits",)
    notes = () if colours.dtype == np.uint16 else (f"{said} 16 bits",)
    return (np.round(values).astype(np.uint16) >> 8).astype(np.uint8), notes


def _normals(vertices: NDArray[np.void]) -> NDArray[np.float32] | None:
    """Unit normals; none at all where some are zero or not finite: those are better computed from the points."""
    normals = _present(vertices, _NORMALS)
    if normals is None:
        return None
    length = np.linalg.norm(normals.astype(np.float64), axis=1)
    if not (np.isfinite(length) & (length > 1e-6)).all():
        return None
    return (normals / length[:, None]).astype(np.float32)


def _integers(vertices: NDArray[np.void], choices: tuple[str, ...]) -> NDArray[np.int32] | None:
    for name in choices:
        if name in (vertices.dtype.names or ()) and vertices.dtype[name].kind in "iu":
            return np.where(vertices[name] < 0, -1, vertices[name]).astype(np.int32)
    return None
