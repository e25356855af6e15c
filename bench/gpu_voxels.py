"""The GPU check's parts for sparse convolutions: kernel maps, one layer, whole students, training."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
from gpu_parts import Setting, Unavailable
from gpu_rows import Row
from gpu_twins import alike, all_alike, close, closest, compared, quickest
from numpy.typing import NDArray
from ovstore.core import plugins
from ovstore.models.devices import PRECISIONS, device_of, lowered
from ovstore.models.sparse import accelerator
from ovstore.models.sparse.convolution import by_torch, convolve
from ovstore.models.sparse.coordinates import KernelMap, Voxels
from ovstore.models.training.batches import collate
from ovstore.models.training.inference import point_vectors, voxel_vectors
from ovstore.models.training.loop import Trained, train
from ovstore.models.training.losses import summed
from ovstore.models.training.options import TrainingOptions
from ovstore.models.training.record import JSON
from ovstore.models.training.scenes import TrainingScene, TrainingSource
from ovstore.models.training.voxel_samples import sample
from ovstore.models.voxels import VoxelGrid, upright, voxelise
from room import make_room
from torch import Tensor, nn

MOST = {"float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}  # difference, as a share of the largest number
VARIABLE = "OVSTORE_SPCONV_TRITON"
WIDTH = 16  # of vectors, in small
LEAST = {"float32": 0.999, "bfloat16": 0.5}  # cosine of any one parameter's gradient, through all layers of a student
MAPS: dict[str, Callable[[Voxels], KernelMap]] = {
    "kernel of 3": lambda voxels: voxels.kernel_map(3),
    "kernel of 5": lambda voxels: voxels.kernel_map(5),
    "stride of 2": lambda voxels: voxels.kernel_map(2, 2),
    "back from a stride of 2": lambda voxels: voxels.kernel_map(2, 2).transposed(),
}


def convolutions(setting: Setting) -> Iterator[Row]:
    """Pairs of rows have to be the same; one layer of 96 channels, and its gradients."""
    cells = torch.from_numpy(np.insert(_grid(_room(setting, 0), _cell(setting)).cells, 0, 0, axis=1))
    on_device = cells.to(setting.device)
    for name, kernel_map in MAPS.items():
        twin = quickest(partial(_pairs, kernel_map, cells), setting)
        yield compared(f"pairs, {name}", twin, partial(_pairs, kernel_map, on_device), setting, partial(close, most=0))
    for name, kernel_map in MAPS.items():
        here, there = kernel_map(Voxels(cells)), kernel_map(Voxels(on_device))
        twin = quickest(partial(_layer, here, "cpu", "float32", setting), setting)
        for precision, most in MOST.items():
            ours = partial(_layer, there, setting.device, precision, setting)
            yield compared(f"{name}, {precision}", twin, ours, setting, partial(closest, most=most))


def student(setting: Setting) -> Iterator[Row]:
    """MinkUNet 18A at its published width, a room in cells of 0.02 m, by torch's own operations."""
    yield from _student(setting, "cpu")


def student_triton(setting: Setting) -> Iterator[Row]:
    """The same by spconv-triton, beside torch's own operations on the same device."""
    if setting.device != "cuda" or find_spec("spconv_triton") is None:
        raise Unavailable("it needs CUDA and the package spconv-triton: pip install 'ovstore[sparse-cuda]'")
    for precision in LEAST:
        taken = accelerator.chosen(torch.device("cuda", 0), PRECISIONS[precision], by_torch) is not by_torch
        if not taken:
            yield Row(f"self-test, {precision}", "failed", "spconv-triton is not used; a warning says why")
    yield from _student(setting, "cuda")


def training(setting: Setting) -> Iterator[Row]:
    """Two steps of the training loop with validation, and what they left read back on the CPU."""
    twin = quickest(partial(_trained, setting, "cpu", "float32"), setting)
    for precision, most in MOST.items():
        run = partial(_trained, setting, setting.device, precision)
        yield compared(f"two steps, {precision}", twin, run, setting, partial(close, most=most))
    folder = Path(mkdtemp(dir=setting.folder))
    there = quickest(lambda: _weights(_train(setting, setting.device, "float16", folder, resume=True)), setting)
    here = partial(_train, setting, "cpu", "float16", folder, resume=True)
    row = compared("resumed on the CPU", there, lambda: _weights(here()), setting, partial(close, most=0))
    yield replace(row, twin_ms=None, device_ms=None, peak_mb=None)


def _student(setting: Setting, twin_device: str) -> Iterator[Row]:
    """Beside torch's own operations on `twin_device`."""
    scene, options = _room(setting, 0), TrainingOptions(voxel_size=_cell(setting))
    theirs, ours = _network(setting, twin_device), _network(setting, setting.device)
    with _by_torch():
        twin = quickest(partial(_vectors, theirs, scene, options, twin_device), setting, twin_device)
    run = partial(_vectors, ours, scene, options, setting.device)
    yield compared("vectors, float32", twin, run, setting, partial(alike, share=0.002))
    with _by_torch():
        twin = quickest(partial(_gradients, theirs, scene, options, twin_device, "float32"), setting, twin_device)
    for precision, least in LEAST.items():
        run = partial(_gradients, ours, scene, options, setting.device, precision)
        yield compared(f"gradients, {precision}", twin, run, setting, partial(all_alike, least=least))


@contextmanager
def _by_torch() -> Iterator[None]:
    """Inside, spconv-triton is not used."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "off"
    accelerator.chosen.cache_clear()
    try:
        yield
    finally:
        os.environ.pop(VARIABLE) if before is None else os.environ.update({VARIABLE: before})
        accelerator.chosen.cache_clear()


def _pairs(kernel_map: Callable[[Voxels], KernelMap], cells: Tensor) -> NDArray[np.int64]:
    found = kernel_map(Voxels(cells))
    return torch.cat([found.inputs, found.outputs, found.inputs.new_tensor(found.counts)]).cpu().numpy()


def _layer(kernel_map: KernelMap, device: str, precision: str, setting: Setting) -> list[NDArray[Any]]:
    """The output, and the gradients of features and kernel."""
    drawn, channels = torch.Generator().manual_seed(0), setting.size(96, 8)
    shapes = (kernel_map.input_rows, channels), (len(kernel_map.counts), channels, channels)
    features, kernel = (torch.randn(shape, generator=drawn).to(device).requires_grad_() for shape in shapes)
    upstream = torch.randn(kernel_map.output_rows, channels, generator=drawn).to(device)
    with lowered(torch.device(device), PRECISIONS[precision]):
        out = convolve(features, kernel, kernel_map)
    found = out, *torch.autograd.grad(out, (features, kernel), upstream.to(out.dtype))
    return [each.detach().float().cpu().numpy() for each in found]


def _vectors(network: nn.Module, scene: TrainingScene, options: TrainingOptions, device: str) -> NDArray[np.float32]:
    return voxel_vectors(network, scene.xyz, scene.rgb, options, device_of(device))[1]


def _gradients(
    network: nn.Module, scene: TrainingScene, options: TrainingOptions, device: str, precision: str
) -> list[NDArray[Any]]:
    """Of every parameter, through all layers; with the way to and from the device, as a step of training has it."""
    batch = collate([sample(scene, options, np.random.default_rng(0), augment=False)]).to(torch.device(device))
    with lowered(torch.device(device), PRECISIONS[precision]):
        predicted = network(batch.tensor()).features
    loss = summed("cosine", predicted.index_select(0, batch.voxel_index), batch.target) / len(batch.target)
    return [each.cpu().numpy() for each in torch.autograd.grad(loss, list(network.parameters()))]


def _trained(setting: Setting, device: str, precision: str) -> NDArray[np.float64]:
    """The losses of both steps, and what validation measured after each."""
    folder = Path(mkdtemp(dir=setting.folder))
    _train(setting, device, precision, folder)
    log = json.loads((folder / JSON).read_text(encoding="utf-8"))["log"]
    return np.array([[epoch["loss_train"], epoch["cosine_val"]] for epoch in log])


def _train(setting: Setting, device: str, precision: str, folder: Path, resume: bool = False) -> Trained:
    """Each epoch is one step, of a batch of two rooms."""
    scenes = [_room(setting, seed) for seed in (0, 1)]
    options = TrainingOptions(
        voxel_size=_cell(setting, training=True), epochs=2, batch_size=2, elastic_probability=0, precision=precision
    )

    def validate(network: nn.Module, epoch: int) -> dict[str, float]:
        found = point_vectors(network, scenes[0].xyz, scenes[0].rgb, options, device_of(device))
        taught = torch.from_numpy(found[scenes[0].point_index])
        return {"cosine": float(torch.cosine_similarity(taught, torch.from_numpy(scenes[0].target).float()).mean())}

    sources = [TrainingSource(scene.name, lambda scene=scene: scene) for scene in scenes]
    network, described = _network(setting, "cpu"), {"name": "gpu", "options": {}}
    return train(
        network, sources, options, folder, student=described, device=device, workers=1, resume=resume,
        validate=validate, tensorboard=False,
    )  # fmt: skip


def _weights(trained: Trained) -> NDArray[np.float32]:
    return torch.cat([each.detach().flatten() for each in trained.network.parameters()]).cpu().numpy()


def _network(setting: Setting, device: str) -> nn.Module:
    """In training mode; always the same first weights."""
    module = plugins.load("models.students", setting.size("minkunet18a", "tiny"))
    torch.manual_seed(0)
    network: nn.Module = module.build(module.Options(), 3, setting.size(512, WIDTH))
    return network.to(device)


def _room(setting: Setting, seed: int) -> TrainingScene:
    """Every eighth point is taught a direction that turns with its place."""
    xyz = make_room(setting.size(1_500_000, 3_000), 1, seed).xyz
    place = ((xyz - xyz.min(axis=0)) / np.ptp(xyz, axis=0)).astype(np.float32)
    turns = np.random.default_rng(0).normal(0, 2, (3, setting.size(512, WIDTH))).astype(np.float32)
    taught = np.arange(0, len(xyz), 8)
    target = np.cos(place[taught] @ turns).astype(np.float16)
    return TrainingScene(f"room {seed}", xyz, (place * 255).astype(np.uint8), taught, target)


def _grid(scene: TrainingScene, cell: float) -> VoxelGrid:
    return voxelise(scene.xyz, upright(cell))


def _cell(setting: Setting, training: bool = False) -> float:
    """Metres. Two rooms of training are taken in larger cells: the CPU has to go there and back for each of them."""
    return setting.size(0.05 if training else 0.02, 0.3)
