"""Students: their contract, the original's names and shapes, its files."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from lseg_file import values_of
from minkunet_shapes import KERNELS_18A, KERNELS_34C, tensor_shapes
from ovstore.core import plugins
from ovstore.core.errors import BadInput, BadWeights
from ovstore.models.minkunet.checkpoint import read_minkunet
from ovstore.models.sparse.coordinates import Voxels
from ovstore.models.sparse.layers import SparseTensor
from ovstore.models.students import minkunet18a, minkunet34c
from torch import Tensor, nn


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small products in several threads wait for each other longer than they work where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def shell(seed: int = 0, scenes: int = 1, side: int = 20) -> Voxels:
    """Walls of a room with holes in them, in random order."""
    rng = np.random.default_rng(seed)
    cells = rng.integers(0, side, (600, 3))
    cells[np.arange(600), rng.integers(0, 3, 600)] = 0
    cells = np.unique(cells, axis=0)
    batch = np.concatenate([np.insert(cells, 0, scene, axis=1) for scene in range(scenes)])
    return Voxels(torch.from_numpy(rng.permutation(batch)))


def build(name: str, in_channels: int = 3, out_channels: int = 8) -> nn.Module:
    torch.manual_seed(0)
    student = plugins.load("models.students", name)
    network = student.build(student.Options(), in_channels, out_channels)
    assert isinstance(network, nn.Module)
    return network


def small() -> nn.Module:
    """A tiny student whose batch norms have seen something."""
    network = build("tiny").eval()
    state = network.state_dict()
    network.load_state_dict({name: values_of(name, tuple(tensor.shape)) for name, tensor in state.items()})
    return network


def rows_of(network: nn.Module, voxels: Voxels, features: Tensor) -> Tensor:
    with torch.no_grad():
        out = network(SparseTensor(voxels, features)).features
    assert isinstance(out, Tensor)
    return out


def features_of(voxels: Voxels, channels: int = 3) -> Tensor:
    return torch.randn(len(voxels), channels, generator=torch.Generator().manual_seed(1))


# --- every student ---


@pytest.mark.parametrize("name", plugins.names("models.students"))
def test_a_student_gives_a_row_of_the_width_asked_for_and_learns(name: str) -> None:
    assert plugins.summary("models.students", name)
    student = plugins.load("models.students", name)
    assert all(field.metadata["help"] for field in dataclasses.fields(student.Options))
    network, voxels = build(name, in_channels=1, out_channels=5), shell()
    assert network.training
    out = network(SparseTensor(voxels, torch.ones(len(voxels), 1)))
    assert out.voxels is voxels
    assert out.features.shape == (len(voxels), 5)
    out.features.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() and p.grad.any() for p in network.parameters())


def test_a_few_steps_bring_the_tiny_student_nearer_its_teacher() -> None:
    network, voxels = build("tiny", in_channels=1, out_channels=4), shell()
    tensor = SparseTensor(voxels, torch.ones(len(voxels), 1))
    teacher = nn.functional.one_hot(voxels.coordinates[:, 1:].argmin(dim=1), 4).float()  # which wall
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        loss = (1 - nn.functional.cosine_similarity(network(tensor).features, teacher)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_student_trains_in_mixed_precision() -> None:
    network, voxels = build("tiny"), shell()
    tensor = SparseTensor(voxels, features_of(voxels))
    full = network(tensor).features
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lowered = network(tensor).features
    assert lowered.dtype == torch.bfloat16
    assert float(nn.functional.cosine_similarity(full, lowered.float()).detach().mean()) > 0.98
    lowered.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.dtype == torch.float32 and p.grad.any() for p in network.parameters())


# --- laws of the U-Net ---


def test_the_order_of_voxels_changes_no_bit() -> None:
    network, voxels = small(), shell()
    features, order = features_of(voxels), torch.randperm(len(voxels), generator=torch.Generator().manual_seed(2))
    other = rows_of(network, Voxels(voxels.coordinates[order]), features[order])
    assert torch.equal(rows_of(network, voxels, features)[order], other)


def test_the_order_of_voxels_changes_no_gradient() -> None:
    network, voxels = small().double(), shell()
    features, order = (
        features_of(voxels).double(),
        torch.randperm(len(voxels), generator=torch.Generator().manual_seed(2)),
    )
    other = Voxels(voxels.coordinates[order])
    upstream = torch.randn(len(voxels), 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    results = []
    for given, rows in ((voxels, torch.arange(len(voxels))), (other, order)):
        inputs = features[rows].requires_grad_()
        out = network(SparseTensor(given, inputs)).features
        of_inputs, *of_weights = torch.autograd.grad(out, (inputs, *network.parameters()), upstream[rows])
        results.append([of_inputs[rows.argsort()], *of_weights])
    torch.testing.assert_close(results[0], results[1])


def test_moving_a_scene_by_its_coarsest_stride_changes_no_bit() -> None:
    network, voxels = small(), shell()
    features = features_of(voxels)
    moved = Voxels(voxels.coordinates + torch.tensor([0, 16, -32, 48]))
    assert torch.equal(rows_of(network, voxels, features), rows_of(network, moved, features))


def test_scenes_of_a_batch_never_touch() -> None:
    network, voxels = small(), shell(scenes=2)
    features = features_of(voxels)
    together = rows_of(network, voxels, features)
    for scene in range(2):
        mine = voxels.coordinates[:, 0] == scene
        alone = rows_of(network, Voxels(voxels.coordinates[mine]), features[mine])
        torch.testing.assert_close(together[mine], alone)


# --- the original's names and shapes ---


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize(
    ("name", "tensors", "parameters"),
    [
        ("minkunet14a", 193, {768: 8_096_288, 512: 8_071_712}),
        ("minkunet18a", 289, {768: 15_564_960, 512: 15_540_384}),
        ("minkunet34c", 373, {768: 37_927_840, 512: 37_903_264}),
    ],
)
def test_published_networks_have_the_originals_tensors(name: str, tensors: int, parameters: dict[int, int]) -> None:
    for channels, count in parameters.items():
        with torch.device("meta"):
            network = build(name, out_channels=channels)
        assert len(network.state_dict()) == tensors
        assert sum(parameter.numel() for parameter in network.parameters()) == count
    kernels = KERNELS_34C if name == "minkunet34c" else KERNELS_18A
    expected = tensor_shapes(kernels)
    if name == "minkunet14a":
        expected = {key: shape for key, shape in expected.items() if not key.startswith("block") or key[6:9] == ".0."}
    with torch.device("meta"):
        assert shapes_of(build(name, out_channels=768)) == expected


def test_slidrs_network_is_34c_with_another_stem_and_a_bias() -> None:
    expected = tensor_shapes(KERNELS_34C) | {"conv0p1s1.kernel": (27, 1, 32), "final.kernel": (96, 64)}
    with torch.device("meta"):
        network = minkunet34c.build(minkunet34c.Options(stem_size=3, final_bias=True), 1, 64)
    assert shapes_of(network) == {**expected, "final.bias": (1, 64)}
    assert len(network.state_dict()) == 374


def test_first_weights_are_drawn_as_the_originals() -> None:
    network = build("minkunet14a", out_channels=768)
    deviations = {
        "conv0p1s1": (2 / (125 * 32)) ** 0.5,
        "block2.0.conv1": (2 / (27 * 64)) ** 0.5,
        "block5.0.downsample.0": (2 / 256) ** 0.5,
        "final": (2 / 96) ** 0.5,
        "convtr4p16s2": (1 / (8 * 128)) ** 0.5 / 3**0.5,
    }
    for name, deviation in deviations.items():
        kernel = network.get_submodule(name).kernel
        assert float(kernel.detach().std()) == pytest.approx(deviation, rel=0.03), name


def test_a_stem_without_a_centre_is_refused() -> None:
    with pytest.raises(BadInput, match="stem_size is 4"):
        minkunet18a.Options(stem_size=4)


# --- files ---


def save(path: Path, network: nn.Module, prefix: str) -> Path:
    """As OpenScene's trainer leaves it."""
    torch.save(
        {
            "epoch": 100,
            "state_dict": {prefix + name: tensor for name, tensor in network.state_dict().items()},
            "optimizer": {"state": {0: {"step": 1, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-4}]},
            "best_iou": np.float64(0.5),
        },
        path,
    )
    return path


@pytest.mark.parametrize("prefix", ["", "module.", "net3d.", "module.net3d."])
def test_a_file_loads_with_and_without_prefixes(tmp_path: Path, prefix: str) -> None:
    network, voxels = small(), shell()
    checkpoint = read_minkunet(save(tmp_path / "model_best.pth.tar", network, prefix))
    assert (checkpoint.in_channels, checkpoint.out_channels) == (3, 8)
    features = features_of(voxels)
    expected = rows_of(network, voxels, features)
    assert torch.equal(rows_of(checkpoint.network(), voxels, features), expected)
    student = build("tiny")
    checkpoint.load_into(student)
    assert torch.equal(rows_of(student, voxels, features), expected)


def test_a_file_of_openscenes_names_and_shapes_is_known_as_an_18a(tmp_path: Path) -> None:
    tensors = {f"net3d.{name}": values_of(name, shape) for name, shape in tensor_shapes(KERNELS_18A).items()}
    torch.save({"epoch": 100, "state_dict": tensors}, tmp_path / "scannet_openseg.pth.tar")
    checkpoint = read_minkunet(tmp_path / "scannet_openseg.pth.tar")
    assert (checkpoint.in_channels, checkpoint.out_channels) == (3, 768)
    network, student = checkpoint.network(), build("minkunet18a", out_channels=768)
    checkpoint.load_into(student)
    voxels = shell(side=8)
    ones = torch.ones(len(voxels), 3)
    out = rows_of(network, voxels, ones)
    assert out.isfinite().all() and float(out.std()) > 0
    assert torch.equal(out, rows_of(student, voxels, ones))


def test_slidrs_file_loads(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = minkunet34c.build(minkunet34c.Options(stem_size=3, final_bias=True), 1, 4)
    torch.save({"model_points": network.state_dict(), "config": {"voxel_size": 0.1}}, tmp_path / "slidr.pt")
    checkpoint = read_minkunet(tmp_path / "slidr.pt")
    assert checkpoint.options == minkunet34c.Options(stem_size=3, final_bias=True)
    assert shapes_of(checkpoint.network()) == shapes_of(network)


def test_another_students_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = save(tmp_path / "model.pth.tar", small(), "net3d.")
    with pytest.raises(BadWeights, match=r"(?s)do not fit: \d+ missing \(such as block.*of 289 expected tensors"):
        read_minkunet(path).load_into(build("minkunet18a"))
    with pytest.raises(BadWeights, match=r"final\.kernel \(16, 8\) where \(16, 9\) was expected"):
        read_minkunet(path).load_into(build("tiny", out_channels=9))


def test_a_file_of_something_else_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"state_dict": {"head.weight": torch.zeros(2, 2)}}, path)
    with pytest.raises(BadWeights, match=r"not a MinkUNet checkpoint: it has 1 tensors, such as head\.weight"):
        read_minkunet(path)
    state = small().state_dict()
    torch.save({**state, "conv0p1s1.kernel": torch.zeros(3, 3, 3, 3, 16)}, path)
    with pytest.raises(BadWeights, match="of another library"):
        read_minkunet(path)
    torch.save({name: tensor for name, tensor in state.items() if not name.startswith("block3")}, path)
    with pytest.raises(BadWeights, match=r"not a complete MinkUNet.*block3\.0\.conv1"):
        read_minkunet(path).network()
