"""Sparse convolutions: known answers, the plain twin, dense convolutions of torch, and laws."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
import torch
from ovstore.core.errors import BadInput
from ovstore.models.sparse import convolution, coordinates, plain
from ovstore.models.sparse.convolution import convolve
from ovstore.models.sparse.coordinates import KernelMap, Voxels, kernel_offsets
from ovstore.models.sparse.layers import BatchNorm, Convolution, SparseTensor, TransposedConvolution
from torch import Tensor
from torch.nn import functional


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small products in several threads wait for each other longer than they work where cores are shared."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


SIX = torch.tensor([[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1], [0, 2, 1, 1], [0, 3, 3, 2]])
SIX_VALUES = torch.arange(1.0, 7.0)[:, None]


def counting(size: int) -> Tensor:
    """(K, 1, 1), kernel[k] = k."""
    return torch.arange(float(size**3))[:, None, None]


def random_voxels(seed: int = 0, scenes: int = 2, side: int = 8, share: float = 0.2) -> Voxels:
    """Cells of a cube around the origin, in random order."""
    rng = np.random.default_rng(seed)
    cells = np.stack(np.meshgrid(*[np.arange(-side // 2, side // 2)] * 3, indexing="ij"), -1).reshape(-1, 3)
    kept = [np.insert(cells[rng.random(len(cells)) < share], 0, scene, axis=1) for scene in range(scenes)]
    return Voxels(torch.from_numpy(rng.permutation(np.concatenate(kept))))


def normal(*shape: int, seed: int = 0, needs_gradient: bool = False) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_(needs_gradient)


# --- known answers ---


def test_kernel_offsets_have_x_fastest() -> None:
    three = kernel_offsets(3)
    assert three[:4] == [(-1, -1, -1), (0, -1, -1), (1, -1, -1), (-1, 0, -1)]
    assert three[13] == (0, 0, 0) and three[23] == (1, 0, 1) and three[26] == (1, 1, 1)
    corners = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 1), (1, 1, 1)]
    assert kernel_offsets(2) == corners
    five = kernel_offsets(5)
    assert five[62] == (0, 0, 0)
    assert all(five[(x + 2) + 5 * (y + 2) + 25 * (z + 2)] == (x, y, z) for x, y, z in five)


@pytest.mark.parametrize(
    ("size", "expected"), [(3, [177, 297, 147, 87, 65, 78]), (5, [1207, 1192, 1132, 832, 1315, 502])]
)
def test_a_submanifold_convolution_of_six_voxels(size: int, expected: list[int]) -> None:
    assert convolve(SIX_VALUES, counting(size), Voxels(SIX).kernel_map(size))[:, 0].tolist() == expected


def test_a_strided_convolution_of_six_voxels_and_the_way_back() -> None:
    voxels = Voxels(SIX)
    coarse = convolve(SIX_VALUES, counting(2), voxels.kernel_map(2, 2))
    assert voxels.coarser(2).coordinates.tolist() == [[0, 0, 0, 0], [0, 2, 0, 0], [0, 2, 2, 2]]
    assert coarse[:, 0].tolist() == [24, 30, 18]
    back = convolve(coarse, counting(2), voxels.kernel_map(2, 2).transposed())
    assert back[:, 0].tolist() == [0, 24, 48, 96, 180, 54]


# --- the plain twin ---


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("factor", [1, 2])
def test_convolutions_equal_the_plain_twin(size: int, factor: int) -> None:
    fine = random_voxels()
    for voxels in (fine, fine.coarser(2)):
        features, kernel = normal(len(voxels), 3), normal(size**3, 3, 4, seed=1)
        ours = convolve(features, kernel, voxels.kernel_map(size, factor))
        cells = voxels.coordinates.numpy()
        onto = cells if factor == 1 else plain.coarser(cells, voxels.stride * factor)
        if factor > 1:
            assert (voxels.coarser(factor).coordinates.numpy() == onto).all()
        theirs = plain.convolve(features.numpy(), kernel.numpy(), size, cells, voxels.stride, onto)
        np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


@pytest.mark.parametrize("size", [2, 3])
def test_transposed_convolutions_equal_the_plain_twin(size: int) -> None:
    onto = random_voxels()
    coarse = onto.coarser(2)
    features, kernel = normal(len(coarse), 3), normal(size**3, 3, 4, seed=1)
    ours = convolve(features, kernel, onto.kernel_map(size, 2).transposed())
    cells = onto.coordinates.numpy()
    theirs = plain.convolve_transposed(
        features.numpy(), kernel.numpy(), size, coarse.coordinates.numpy(), cells, onto.stride
    )
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-12)


# --- torch's dense convolutions, on full grids ---


def full_grid(side: int) -> Voxels:
    return Voxels(torch.cartesian_prod(torch.zeros(1, dtype=torch.int64), *[torch.arange(side)] * 3))


def dense_submanifold(features: Tensor, kernel: Tensor, side: int, size: int) -> Tensor:
    return functional.conv3d(_grid(features, side), _weight(kernel, size), padding=size // 2)


def dense_strided(features: Tensor, kernel: Tensor, side: int, size: int) -> Tensor:
    padding = size // 2 if size % 2 else 0
    return functional.conv3d(_grid(features, side), _weight(kernel, size), stride=2, padding=padding)


def dense_transposed(features: Tensor, kernel: Tensor, side: int, size: int) -> Tensor:
    weight = _weight(kernel, size).transpose(0, 1)
    return functional.conv_transpose3d(_grid(features, side // 2), weight, stride=2)


def _grid(features: Tensor, side: int) -> Tensor:
    return features.t().reshape(1, -1, side, side, side)


def _weight(kernel: Tensor, size: int) -> Tensor:
    """(Cout, Cin, x, y, z)."""
    return kernel.reshape(size, size, size, *kernel.shape[1:]).permute(4, 3, 2, 1, 0)


@pytest.mark.parametrize(
    ("dense", "size"),
    [(dense_submanifold, 3), (dense_submanifold, 5), (dense_strided, 2), (dense_strided, 3), (dense_transposed, 2)],
)
def test_on_a_full_grid_all_is_as_in_a_dense_convolution_and_so_are_gradients(
    dense: Callable[[Tensor, Tensor, int, int], Tensor], size: int
) -> None:
    side = 6
    grid = full_grid(side)
    kernel_map = grid.kernel_map(size, 1 if dense is dense_submanifold else 2)
    kernel_map = kernel_map.transposed() if dense is dense_transposed else kernel_map
    features = normal(kernel_map.input_rows, 3, needs_gradient=True)
    kernel = normal(size**3, 3, 4, seed=1, needs_gradient=True)
    ours, theirs = convolve(features, kernel, kernel_map), dense(features, kernel, side, size).flatten(2)[0].t()
    torch.testing.assert_close(ours, theirs)
    upstream = normal(*ours.shape, seed=2)
    for one, other in zip(
        torch.autograd.grad(ours, (features, kernel), upstream),
        torch.autograd.grad(theirs, (features, kernel), upstream),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


# --- gradients of sparse sets ---


@pytest.mark.parametrize(
    ("size", "map_of"),
    [
        (3, lambda voxels: voxels.kernel_map(3)),
        (2, lambda voxels: voxels.kernel_map(2)),
        (2, lambda voxels: voxels.kernel_map(2, 2)),
        (2, lambda voxels: voxels.kernel_map(2, 2).transposed()),
    ],
)
def test_gradients_are_those_of_finite_differences(size: int, map_of: Callable[[Voxels], KernelMap]) -> None:
    kernel_map = map_of(random_voxels(side=4, share=0.3))
    features = normal(kernel_map.input_rows, 2, needs_gradient=True)
    kernel = normal(size**3, 2, 2, seed=1, needs_gradient=True)
    assert torch.autograd.gradcheck(partial(convolve, kernel_map=kernel_map), (features, kernel), fast_mode=True)


# --- laws ---


def test_the_order_of_rows_is_kept_and_changes_nothing() -> None:
    voxels = random_voxels()
    order = torch.randperm(len(voxels), generator=torch.Generator().manual_seed(4))
    features, kernel = normal(len(voxels), 3), normal(27, 3, 4, seed=1)
    one = convolve(features, kernel, voxels.kernel_map(3))
    other = convolve(features[order], kernel, Voxels(voxels.coordinates[order]).kernel_map(3))
    torch.testing.assert_close(one[order], other)


@pytest.mark.parametrize(("size", "factor", "shift"), [(3, 1, (7, -3, 1)), (2, 2, (-6, 2, 4))])
def test_moving_all_voxels_by_the_stride_moves_the_result(size: int, factor: int, shift: tuple[int, int, int]) -> None:
    voxels = random_voxels()
    moved = Voxels(voxels.coordinates + torch.tensor([0, *shift]))
    features, kernel = normal(len(voxels), 3), normal(size**3, 3, 4, seed=1)
    one = convolve(features, kernel, voxels.kernel_map(size, factor))
    assert torch.equal(one, convolve(features, kernel, moved.kernel_map(size, factor)))


def test_scenes_of_a_batch_never_touch() -> None:
    voxels = random_voxels(scenes=3)
    features, kernel = normal(len(voxels), 3), normal(125, 3, 4, seed=1)
    together = convolve(features, kernel, voxels.kernel_map(5))
    for scene in range(3):
        mine = voxels.coordinates[:, 0] == scene
        alone = convolve(features[mine], kernel, Voxels(voxels.coordinates[mine]).kernel_map(5))
        torch.testing.assert_close(together[mine], alone)


def test_a_batch_of_more_pairs_than_a_chunk_holds_gives_each_scene_its_own_numbers() -> None:
    voxels = random_voxels(scenes=5, side=24, share=0.4)
    kernel = normal(27, 40, 40, seed=1, needs_gradient=True)

    def both_ways(features: Tensor, voxels: Voxels) -> tuple[Tensor, ...]:
        out = convolve(features, kernel, voxels.kernel_map(3))
        return out, *torch.autograd.grad(out.square().sum(), (features, kernel))

    assert voxels.kernel_map(3).counts[13 - 1] * 80 > convolution.CHUNK_VALUES
    features = normal(len(voxels), 40, needs_gradient=True)
    together, of_kernels = both_ways(features, voxels), torch.zeros_like(kernel)
    for scene in range(5):
        mine = voxels.coordinates[:, 0] == scene
        out, of_features, of_kernel = both_ways(features[mine], Voxels(voxels.coordinates[mine]))
        torch.testing.assert_close(together[0][mine], out)
        torch.testing.assert_close(together[1][mine], of_features)
        of_kernels += of_kernel
    torch.testing.assert_close(together[2], of_kernels)


def test_neighbours_looked_for_some_offsets_at_a_time_are_those_that_each_scene_has_alone() -> None:
    voxels = random_voxels(scenes=5, side=24, share=0.4)
    assert len(voxels) * 62 > coordinates.SEARCHES
    found = voxels.kernel_map(5)
    alone = [Voxels(voxels.coordinates[voxels.coordinates[:, 0] == scene]).kernel_map(5) for scene in range(5)]
    assert [*found.counts] == [sum(counts) for counts in zip(*(of_scene.counts for of_scene in alone), strict=True)]
    steps = voxels.coordinates[found.inputs] - voxels.coordinates[found.outputs]
    offsets = torch.tensor([(0, *offset) for offset in coordinates.kernel_offsets(5)])
    assert torch.equal(steps, offsets.repeat_interleave(torch.tensor(found.counts), dim=0))


def test_outputs_and_gradients_of_features_are_the_same_bits_with_any_number_of_threads() -> None:
    voxels = random_voxels(side=24, share=0.3)
    features = normal(len(voxels), 32).float().requires_grad_()
    kernel = normal(27, 32, 32, seed=1).float()
    results = []
    for count in (1, 2, 2):
        torch.set_num_threads(count)
        out = convolve(features, kernel, voxels.kernel_map(3))
        results.append((out, *torch.autograd.grad(out.square().sum(), features)))
    for out, gradient in results[1:]:
        assert torch.equal(out, results[0][0])
        assert torch.equal(gradient, results[0][1])


def test_a_far_voxel_changes_no_pair_of_the_others() -> None:
    """The box around them then has too many cells for a table: rows are searched for."""
    near = random_voxels()
    with_far = Voxels(torch.cat([near.coordinates, torch.tensor([[1, 100_000, 100_000, 100_000]])]))
    for size, factor in ((3, 1), (2, 1), (2, 2)):
        one, other = near.kernel_map(size, factor), with_far.kernel_map(size, factor)
        of_near = other.inputs < len(near)
        assert torch.equal(one.inputs, other.inputs[of_near]) and torch.equal(one.outputs, other.outputs[of_near])
        assert sum(other.counts) == sum(one.counts) + 1


def test_a_set_keeps_its_maps_and_coarser_sets() -> None:
    voxels = random_voxels()
    assert voxels.kernel_map(3) is voxels.kernel_map(3)
    assert voxels.coarser(2) is voxels.coarser(2)
    layer = Convolution(1, 1, size=2, stride=2)
    once, again = (layer(SparseTensor(voxels, torch.ones(len(voxels), 1))) for _ in range(2))
    assert once.voxels is again.voxels is voxels.coarser(2)


def test_half_precision_is_summed_in_full() -> None:
    voxels = full_grid(8)
    features, kernel = torch.ones(len(voxels), 8), torch.full((27, 8, 1), 1 / 7)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lowered = convolve(features, kernel, voxels.kernel_map(3))
    assert lowered.dtype == torch.bfloat16
    torch.testing.assert_close(lowered.float(), convolve(features, kernel, voxels.kernel_map(3)), rtol=0.01, atol=0)


def test_a_lone_voxel_can_be_trained_on() -> None:
    norm = BatchNorm(4).train()
    out = norm(SparseTensor(Voxels(torch.zeros(1, 4, dtype=torch.int64)), torch.ones(1, 4)))
    torch.testing.assert_close(out.features, torch.ones(1, 4))


# --- what is refused ---


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [
        (torch.zeros(3, 4), "integers"),
        (torch.zeros(3, 3, dtype=torch.int64), "integers"),
        (torch.zeros(0, 4, dtype=torch.int64), "no voxels"),
        (torch.zeros(2, 4, dtype=torch.int64), "twice"),
        (torch.tensor([[-1, 0, 0, 0]]), "scene -1"),
        (torch.tensor([[0, 0, 0, 0], [0, 2**22, 2**22, 2**22]]), "far off"),
    ],
)
def test_sets_that_cannot_be_are_refused(coordinates: Tensor, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Voxels(coordinates).kernel_map(3)


def test_far_away_voxels_are_as_good_as_near_ones() -> None:
    far = Voxels(SIX + torch.tensor([0, 2**40, -(2**40), 2**31]))
    assert convolve(SIX_VALUES, counting(3), far.kernel_map(3))[:, 0].tolist() == [177, 297, 147, 87, 65, 78]


def test_what_does_not_belong_together_is_refused() -> None:
    voxels, others = Voxels(SIX), random_voxels()
    with pytest.raises(BadInput, match="one row for each of 6 voxels"):
        SparseTensor(voxels, torch.zeros(5, 3))
    coarse = SparseTensor(others.coarser(2), torch.zeros(len(others.coarser(2)), 3))
    with pytest.raises(BadInput, match="must lead back"):
        TransposedConvolution(3, 3, size=2, stride=2)(coarse, onto=voxels)
    with pytest.raises(BadInput, match="may be at most 8"):
        voxels.kernel_map(9)
    with pytest.raises(BadInput, match="at most 8 times"):
        voxels.coarser(16)
