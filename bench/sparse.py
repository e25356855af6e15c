"""A student on a furnished room, ours beside a plain implementation: voxels a second, memory, distance to the limit.

    python bench/sparse.py                   MinkUNet 18A, cells of 0.05 m, about 42,000 of them (5 minutes)
    python bench/sparse.py --student tiny    another (1 minute)
    python bench/sparse.py --quick           cells of 0.2 m, to see that it runs; its ratios mean nothing

Both build their kernel maps once a forward pass and share them between layers. The plain one is what autograd makes
of a line: for each offset all pairs are gathered, multiplied and added at once, rows in the order of the voxeliser's
hash. Freed memory is kept, as in training on a CPU. Runs alternate, figures are medians of processor time in one
thread, peak memory that of a process of its own.

Two limits stand beside: the time that the products of all layers would take at the rate of a matrix product that
stays in cache, and the time to read every layer's input and kernel and to write its output once.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from ovstore.core import plugins
from ovstore.models.sparse import layers
from ovstore.models.sparse.coordinates import KernelMap, Voxels
from ovstore.models.sparse.layers import Convolution, SparseTensor, TransposedConvolution
from ovstore.models.training.memory import keep_freed_memory
from ovstore.models.voxels import upright, voxelise
from room import make_room
from torch import Tensor, nn

METHODS = ("ours", "plain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = plugins.names("models.students")
    parser.add_argument("--student", choices=names, default="minkunet18a", help="which network [minkunet18a]")
    parser.add_argument("--quick", action="store_true", help="cells of 0.2 m, 1 round")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each method; the median counts [5]")
    parser.add_argument("--alone", choices=METHODS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    student = plugins.load("models.students", arguments.student)
    network = student.build(student.Options(), 3, 512)
    coordinates = room_voxels(0.2 if arguments.quick else 0.05)
    if arguments.alone:
        step(arguments.alone, network, coordinates)
        match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
        print(int(match[1]) / 1024 if match else float("nan"))
        return
    keep_freed_memory()
    flops, moved = work(network, coordinates)
    product_rate, bandwidth = matrix_rate(), copy_rate()
    print(f"{len(coordinates):,} voxels, {flops / 1e9:.0f} GFLOP and {moved / 1e6:.0f} MB a forward pass.")
    print(f"One core multiplies {product_rate / 1e9:.0f} GFLOP/s and moves {bandwidth / 1e9:.0f} GB/s.")
    rounds = 1 if arguments.quick else arguments.rounds
    for name, run, times in (("forward", forward, 1), ("forward and backward", step, 3)):
        seconds = alternate(run, network, coordinates, rounds)
        for method in METHODS:
            print(
                f"{name}, {method}: {len(coordinates) / seconds[method]:,.0f} voxels/s, {seconds[method]:.2f} s;"
                f" limits: products {times * flops / product_rate:.2f} s, memory {times * moved / bandwidth:.2f} s."
            )
        print(f"{name}: {seconds['plain'] / seconds['ours']:.2f}x the plain implementation")
    for method in METHODS:
        print(f"peak memory of forward and backward, {method}: {peak_alone(method, arguments):,.0f} MB")


def room_voxels(voxel_size: float) -> Tensor:
    """(V, 4) cells of a room, in the order of their hashes."""
    grid = voxelise(make_room(600_000, 1).xyz, upright(voxel_size))
    return torch.from_numpy(np.insert(grid.cells, 0, 0, axis=1))


def forward(method: str, network: nn.Module, coordinates: Tensor) -> None:
    network.eval()
    with torch.no_grad():
        run(method, network, coordinates)


def step(method: str, network: nn.Module, coordinates: Tensor) -> None:
    network.train().zero_grad()
    run(method, network, coordinates).square().mean().backward()


def run(method: str, network: nn.Module, coordinates: Tensor) -> Tensor:
    plain = method == "plain"
    with (
        mock.patch.object(layers, "convolve", plain_convolve) if plain else nullcontext(),
        mock.patch.object(Voxels, "ordered", as_they_come) if plain else nullcontext(),
    ):
        output: SparseTensor = network(SparseTensor(Voxels(coordinates), torch.ones(len(coordinates), 3)))
    return output.features


def plain_convolve(features: Tensor, kernel: Tensor, kernel_map: KernelMap) -> Tensor:
    out = features.new_zeros(kernel_map.output_rows, kernel.shape[2])
    pairs = zip(kernel_map.inputs.split(kernel_map.counts), kernel_map.outputs.split(kernel_map.counts), strict=True)
    for offset, (inputs, outputs) in enumerate(pairs):
        out = out.index_add(0, outputs, features[inputs] @ kernel[offset])
    return out


def as_they_come(voxels: Voxels) -> tuple[Voxels, Tensor]:
    return voxels, torch.arange(len(voxels))


def alternate(
    run_once: Callable[[str, nn.Module, Tensor], None], network: nn.Module, coordinates: Tensor, rounds: int
) -> dict[str, float]:
    """Median processor seconds of each method."""
    taken: dict[str, list[float]] = {method: [] for method in METHODS}
    for _ in range(rounds):
        for method in METHODS:
            started = time.process_time()
            run_once(method, network, coordinates)
            taken[method].append(time.process_time() - started)
    return {method: statistics.median(seconds) for method, seconds in taken.items()}


def work(network: nn.Module, coordinates: Tensor) -> tuple[float, float]:
    """Floating-point operations and bytes of all convolutions of a forward pass."""
    total = np.zeros(2)

    def count(layer: nn.Module, given: tuple, made: SparseTensor) -> None:
        tensor = given[0]
        if isinstance(layer, TransposedConvolution):
            pairs = sum(given[1].kernel_map(layer.size, layer.stride).counts)
        elif layer.size == 1:
            pairs = len(tensor.voxels)
        else:
            pairs = sum(tensor.voxels.kernel_map(layer.size, layer.stride).counts)
        c_in, c_out = layer.kernel.shape[-2:]
        total[0] += 2 * pairs * c_in * c_out
        total[1] += 4 * (tensor.features.numel() + made.features.numel() + layer.kernel.numel())

    convolutions = [m for m in network.modules() if isinstance(m, Convolution | TransposedConvolution)]
    hooks = [m.register_forward_hook(count) for m in convolutions]
    forward("ours", network, coordinates)
    for hook in hooks:
        hook.remove()
    return float(total[0]), float(total[1])


def matrix_rate() -> float:
    """Operations a second of products of 4096 x 96 by 96 x 96, the best of many."""
    rows, matrix = torch.randn(4096, 96), torch.randn(96, 96)
    return 2 * rows.numel() * 96 / quickest(lambda: rows @ matrix)


def copy_rate() -> float:
    """Bytes a second, read and written, of a copy far larger than the caches."""
    source = torch.randn(1 << 26)
    target = torch.empty_like(source)
    return 2 * source.numel() * 4 / quickest(lambda: target.copy_(source))


def quickest(call: Callable[[], object], times: int = 20) -> float:
    taken = []
    for _ in range(times):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def peak_alone(method: str, arguments: argparse.Namespace) -> float:
    """Megabytes of a process that does one training step."""
    command = [sys.executable, __file__, "--student", arguments.student, "--alone", method]
    command += ["--quick"] if arguments.quick else []
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy and torch are loaded, so before this line
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    main()
