"""What a student says of points."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..devices import out_of_memory_as
from ..sparse.coordinates import Voxels
from ..sparse.layers import SparseTensor
from ..voxels import Placement, VoxelGrid, upright, voxelise
from .options import TrainingOptions
from .voxel_samples import to_inputs, voxel_colors


def point_vectors(
    network: nn.Module,
    xyz: NDArray[np.float64],
    rgb: NDArray[np.uint8] | None,
    options: TrainingOptions,
    device: torch.device,
    placement: Placement | None = None,
) -> NDArray[np.float32]:
    """(N, C), not normalised: each point has its voxel's row. See `voxel_vectors`."""
    grid, vectors = voxel_vectors(network, xyz, rgb, options, device, placement)
    return vectors[grid.voxel_of_point]


def voxel_vectors(
    network: nn.Module,
    xyz: NDArray[np.float64],
    rgb: NDArray[np.uint8] | None,
    options: TrainingOptions,
    device: torch.device,
    placement: Placement | None = None,
) -> tuple[VoxelGrid, NDArray[np.float32]]:
    """The cells of a scene as it stands, or in `placement`, and (V, C) of the network in evaluation mode, in float32.

    The order of points changes nothing, but for inputs of representatives' colours. All of a scene is one forward
    pass: memory grows with its voxels.
    """
    grid = voxelise(xyz, placement or upright(options.voxel_size))
    inputs = np.ones((len(grid.cells), 3), np.float32)
    if options.inputs == "color":
        inputs = to_inputs(voxel_colors(grid, rgb, options, "The scene"))
    coordinates = np.pad(grid.cells, ((0, 0), (1, 0)))
    sentence = f"{len(grid.cells):,} voxels do not fit into the memory of {device}; use the CPU, or cut the scene."
    with out_of_memory_as(sentence):
        voxels = Voxels(torch.from_numpy(coordinates).to(device))
        vectors = _evaluate(network, SparseTensor(voxels, torch.from_numpy(inputs).to(device)))
    return grid, vectors.float().cpu().numpy()


def _evaluate(network: nn.Module, tensor: SparseTensor) -> Tensor:
    """In evaluation mode; whether the network was in training is put back."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return network(tensor).features
    finally:
        network.train(training)
