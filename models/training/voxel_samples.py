"""One scene as the voxels that a student is shown, with their targets."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import embedding_bag

from ...core.errors import BadScene
from ..voxels import VoxelGrid, random_placement, upright, voxelise
from .augmentation import bend, flip, jitter_colors, stretch_contrast, translate_colors, turn_hues
from .options import TrainingOptions
from .scenes import TrainingScene


@dataclass(frozen=True)
class VoxelSample:
    """Cells with a row of inputs each; some of them with a target."""

    scene: str
    cells: NDArray[np.int32]  # (V, 3), none twice
    inputs: NDArray[np.float32]  # (V, 3)
    voxel_index: NDArray[np.int64]  # (S,) ascending rows of cells that have a target
    target: NDArray[np.float16] | NDArray[np.int64]  # (S, C) vectors, or (S,) classes


def sample(scene: TrainingScene, options: TrainingOptions, rng: np.random.Generator, augment: bool) -> VoxelSample:
    """`augment` bends, places, mirrors and recolours as the options say; without it the scene stands as it is."""
    if (options.loss == "cross_entropy") != (scene.target.ndim == 1):
        found = "classes" if scene.target.ndim == 1 else "vectors"
        raise BadScene(f"{scene.name} has {found} as targets, which loss = {options.loss!r} cannot compare.")
    xyz, placement = scene.xyz, upright(options.voxel_size)
    if augment and rng.random() < options.elastic_probability:
        for granularity, magnitude in zip(options.elastic[::2], options.elastic[1::2], strict=True):
            xyz = bend(xyz, granularity, magnitude, rng)
    if augment and options.placement == "random":
        placement = random_placement(options.voxel_size, rng)
    grid = voxelise(xyz, placement)
    cells = flip(grid.cells, options.flip_probability, rng) if augment else grid.cells
    if options.inputs == "color":
        colors = voxel_colors(grid, scene.rgb, options, scene.name)
        inputs = to_inputs(recolor(colors, options, rng) if augment else colors)
    else:
        inputs = np.ones((len(cells), 3), np.float32)
    supervised = _drawn(scene, options.supervised_points, rng)
    targets = _by_representative if options.target == "representative" else _by_mean
    return VoxelSample(scene.name, cells, inputs, *targets(scene, grid, supervised))


def voxel_colors(
    grid: VoxelGrid, rgb: NDArray[np.uint8] | None, options: TrainingOptions, name: str
) -> NDArray[np.float32]:
    """(V, 3) on 0 .. 255: of the representative, or the mean of the voxel's points, as its target is."""
    if rgb is None:
        raise BadScene(f"{name} has no colours, which inputs = 'color' requires; train with inputs = 'ones'.")
    if options.target == "representative":
        return rgb[grid.representative].astype(np.float32)
    counts = np.bincount(grid.voxel_of_point)
    sums = [np.bincount(grid.voxel_of_point, weights=channel) for channel in rgb.T]  # of whole numbers: exact
    return np.stack([total / counts for total in sums], axis=1).astype(np.float32)


def to_inputs(colors: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 .. 255 to -1 .. 1, as OpenScene."""
    return colors / np.float32(127.5) - 1


def recolor(colors: NDArray[np.float32], options: TrainingOptions, rng: np.random.Generator) -> NDArray[np.float32]:
    """Contrast, translation, jitter, hue and saturation, in OpenScene's order."""
    if rng.random() < options.contrast_probability:
        colors = stretch_contrast(colors, rng)
    if rng.random() < options.color_probability:
        colors = translate_colors(colors, options.color_translation, rng)
    if rng.random() < options.color_probability:
        colors = jitter_colors(colors, options.color_jitter, rng)
    return turn_hues(colors, options.hue, options.saturation, rng)


def _drawn(scene: TrainingScene, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows of the target: of `count` points drawn from all of the scene those that have one; 0 draws all."""
    points = len(scene.xyz)
    if count in range(1, points):
        chosen = np.zeros(points, bool)
        chosen[rng.choice(points, count, replace=False, shuffle=False)] = True
        return np.flatnonzero(chosen[scene.point_index])
    return np.arange(len(scene.point_index))


Targets = tuple[NDArray[np.int64], NDArray[np.float16] | NDArray[np.int64]]  # voxel_index, target


def _by_representative(scene: TrainingScene, grid: VoxelGrid, supervised: NDArray[np.int64]) -> Targets:
    """A voxel has a target where its lowest point has one."""
    row_of_point = np.full(len(scene.xyz), -1)
    row_of_point[scene.point_index[supervised]] = supervised
    rows = row_of_point[grid.representative]
    voxel_index = np.flatnonzero(rows >= 0)
    return voxel_index, scene.target[rows[voxel_index]]


def _by_mean(scene: TrainingScene, grid: VoxelGrid, supervised: NDArray[np.int64]) -> Targets:
    """A voxel has a target where any of its points has one; where several have, their mean."""
    voxels = grid.voxel_of_point[scene.point_index[supervised]]
    order = np.argsort(voxels, kind="stable")
    voxel_index, first, counts = np.unique(voxels[order], return_index=True, return_counts=True)
    rows = supervised[order]
    target = scene.target[rows[first]]
    shared = counts > 1
    if shared.any():
        together = torch.from_numpy(scene.target[rows[np.repeat(shared, counts)]])
        offsets = torch.from_numpy(np.cumsum(counts[shared]) - counts[shared])
        target[shared] = embedding_bag(torch.arange(len(together)), together, offsets, mode="mean").numpy()
    return voxel_index, target
