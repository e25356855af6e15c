"""The optional library for sparse convolutions on CUDA: when it is used, and what it is given.

No CUDA here: a stand-in with the interface of spconv-triton 1.0 takes the library's place, on CPUs.
"""

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import pytest
import torch
from ovstore.models.sparse import accelerator
from ovstore.models.sparse.accelerator import Trial
from ovstore.models.sparse.convolution import by_torch, convolve
from ovstore.models.sparse.coordinates import KernelMap, Voxels
from torch import Tensor

BLOCK = 64  # outputs that its kernels do together
CPU = torch.device("cpu")
MAPS: dict[str, Callable[[Voxels], KernelMap]] = {
    "odd": lambda voxels: voxels.kernel_map(3),
    "more offsets than bits": lambda voxels: voxels.kernel_map(5),
    "even": lambda voxels: voxels.kernel_map(2),
    "strided": lambda voxels: voxels.kernel_map(2, 2),
    "transposed": lambda voxels: voxels.kernel_map(2, 2).transposed(),
}


def widened(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


class StandIn:
    """Its two operations on tables, in loops. `wrong` is added to outputs."""

    wrong = 0.0

    def __init__(self) -> None:
        self.calls = 0
        self.tables: list[Tensor] = []  # all that it was given, of outputs and of the way back

    def implicit_gemm(
        self,
        features: Tensor,
        filters: Tensor,
        pair_fwd: Tensor,
        pair_mask_fwd_splits: list[Tensor],
        mask_argsort_fwd_splits: list[Tensor],
        num_activate_out: int,
        masks: list[Any],
        is_train: bool,
        is_subm: bool,
        fp32_accum: bool,
    ) -> tuple[Tensor, Tensor, int]:
        self.calls += 1
        self.tables.append(pair_fwd)
        weights = filters.reshape(len(filters), -1, filters.shape[-1])
        out = self._multiply(
            features, weights.permute(1, 2, 0), pair_fwd, pair_mask_fwd_splits, mask_argsort_fwd_splits
        )
        assert len(masks) == 1 and len(out) == num_activate_out
        return out + self.wrong, torch.Tensor(), -1

    def implicit_gemm_backward(
        self,
        features: Tensor,
        filters: Tensor,
        grad_output: Tensor,
        pair_fwd: Tensor,
        pair_bwd: Tensor,
        pair_mask_fwd_splits: list[Tensor],
        pair_mask_bwd_splits: list[Tensor],
        mask_argsort_fwd_splits: list[Tensor],
        mask_argsort_bwd_splits: list[Tensor],
        mask_output_fwd: None,
        masks: list[Any],
        mask_width: int,
        is_subm: bool,
        fp32_accum: bool,
    ) -> tuple[Tensor, Tensor]:
        self.tables += [pair_fwd, pair_bwd]
        weights = filters.reshape(len(filters), -1, filters.shape[-1])
        of_features = self._multiply(
            grad_output, weights.permute(1, 0, 2), pair_bwd, pair_mask_bwd_splits, mask_argsort_bwd_splits
        )
        upstream, features = widened(grad_output), widened(features)
        of_weights = [upstream[row >= 0].t() @ features[row[row >= 0].long()] for row in pair_fwd]
        return of_features, torch.stack(of_weights, dim=1).reshape(filters.shape).to(filters.dtype)

    def _multiply(
        self, features: Tensor, matrices: Tensor, table: Tensor, bits: list[Tensor], order: list[Tensor]
    ) -> Tensor:
        """Blocks of outputs, in their order, do the offsets that any of them meets."""
        assert table.dtype == torch.int32 and table.is_contiguous()
        features, matrices, lowered = widened(features), widened(matrices), features.dtype
        out = torch.zeros((table.shape[1], matrices.shape[2]), dtype=features.dtype)
        rows = order[0].long() if order else torch.arange(len(out))
        for offset, matrix in enumerate(matrices):
            inputs = table[offset, rows].long()
            done = inputs >= 0
            if bits:
                met = (bits[0] >> offset & 1).bool().split(BLOCK)
                done &= torch.cat([block.any().expand(len(block)) for block in met])
            out[rows[done]] += features[inputs[done]] @ matrix
        return out.to(lowered)


class WrongWayBack(StandIn):
    """Its gradients change places."""

    def implicit_gemm_backward(self, *given: Any, **named: Any) -> tuple[Tensor, Tensor]:
        of_features, of_weights = super().implicit_gemm_backward(*given, **named)
        return of_weights, of_features


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def install(monkeypatch: pytest.MonkeyPatch, operations: StandIn) -> StandIn:
    """As if it was installed."""
    modules = {name: ModuleType(name) for name in ("spconv_triton", "spconv_triton.pytorch")}
    for name, module in modules.items():
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    modules["spconv_triton.pytorch"].ops = operations  # type: ignore[attr-defined]
    monkeypatch.delitem(sys.modules, "ovstore.models.sparse.spconv_triton", raising=False)
    return operations


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return install(monkeypatch, StandIn())


@pytest.fixture
def trial() -> Trial:
    """On CPUs, too; nothing has been chosen."""
    return Trial(devices=("cpu",))


@pytest.fixture
def short_trial() -> Trial:
    """It is asked about little: what is agreed on is tested elsewhere."""
    return Trial(("cpu",), lambda device: iter([some_voxels().kernel_map(3)]))


def some_voxels() -> Voxels:
    return Voxels(torch.cartesian_prod(torch.arange(2), *[torch.arange(-2, 3)] * 3)[::2])


def arrays(kernel_map: KernelMap, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(0)
    features = torch.randn(kernel_map.input_rows, 5, generator=drawn)
    return features.to(dtype), torch.randn(len(kernel_map.counts), 5, 7, generator=drawn).to(dtype)


# --- what it is given ---


@pytest.mark.parametrize("name", MAPS)
def test_its_tables_and_weights_say_what_our_pairs_and_kernels_say(library: StandIn, name: str) -> None:
    from ovstore.models.sparse.spconv_triton import convolve as theirs

    kernel_map = MAPS[name](some_voxels())
    results = []
    for function in (theirs, by_torch):
        features, kernel = (value.requires_grad_() for value in arrays(kernel_map, torch.float64))
        out = function(features, kernel, kernel_map)
        results.append([out, *torch.autograd.grad(out.square().sum(), (features, kernel))])
    torch.testing.assert_close(results[0], results[1])
    assert all(one.is_contiguous() for one in results[0])


def test_a_map_has_its_tables_made_once_for_each_way(library: StandIn) -> None:
    from ovstore.models.sparse.spconv_triton import convolve as theirs

    voxels = some_voxels()
    for _ in range(2):
        for kernel_map in (voxels.kernel_map(3), voxels.kernel_map(2, 2), voxels.kernel_map(2, 2).transposed()):
            features, kernel = (value.requires_grad_() for value in arrays(kernel_map))
            theirs(features, kernel, kernel_map).sum().backward()
    assert len(library.tables) == 18
    assert len(set(map(id, library.tables))) == 4


# --- when it is used ---


def test_it_is_asked_once_and_used_where_it_agrees(library: StandIn, trial: Trial) -> None:
    kernel_map = some_voxels().kernel_map(3)
    features, kernel = arrays(kernel_map)
    convolve(features, kernel, kernel_map, trial)
    asked = library.calls
    torch.testing.assert_close(convolve(features, kernel, kernel_map, trial), by_torch(features, kernel, kernel_map))
    assert library.calls == asked + 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_lower_precision_is_asked_for_itself(library: StandIn, dtype: torch.dtype, short_trial: Trial) -> None:
    assert accelerator.chosen(CPU, torch.float32, by_torch, short_trial) is not by_torch
    kernel_map = some_voxels().kernel_map(3)
    with torch.autocast("cpu", dtype=dtype), torch.inference_mode():
        out = convolve(*arrays(kernel_map), kernel_map, short_trial)
    assert out.dtype == dtype
    assert accelerator.chosen(CPU, dtype, by_torch, short_trial) is not by_torch


@pytest.mark.parametrize(
    ("wrong", "said"), [(1e-3, "off; 1e-05 was expected"), (float("nan"), "inf off"), ("broken", "TypeError")]
)
def test_one_that_differs_or_fails_is_left_with_one_warning(
    library: StandIn, caplog: pytest.LogCaptureFixture, short_trial: Trial, wrong: Any, said: str
) -> None:
    library.wrong = wrong
    kernel_map = some_voxels().kernel_map(3)
    features, kernel = arrays(kernel_map)
    for _ in range(2):
        assert torch.equal(convolve(features, kernel, kernel_map, short_trial), by_torch(features, kernel, kernel_map))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert said in caplog.text


def test_one_that_gives_wrong_gradients_alone_is_left_too(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, trial: Trial
) -> None:
    install(monkeypatch, WrongWayBack())
    assert accelerator.chosen(CPU, torch.float32, by_torch, trial) is by_torch
    assert len(caplog.records) == 1


def test_where_it_is_missing_nothing_is_said(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, trial: Trial
) -> None:
    monkeypatch.setitem(sys.modules, "spconv_triton", None)
    assert accelerator.chosen(CPU, torch.float32, by_torch, trial) is by_torch
    assert not caplog.records


def test_it_can_be_switched_off(library: StandIn, trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVSTORE_SPCONV_TRITON", "off")
    assert accelerator.chosen(CPU, torch.float32, by_torch, trial) is by_torch
    assert library.calls == 0


def test_neither_cpus_nor_float64_ask_for_it(library: StandIn, trial: Trial) -> None:
    assert accelerator.chosen(CPU, torch.float64, by_torch, trial) is by_torch
    assert accelerator.TRIAL.devices == ("cuda",)
    assert accelerator.chosen(CPU, torch.float32, by_torch) is by_torch
    assert library.calls == 0


# --- the library itself ---


@pytest.mark.skipif(
    not torch.cuda.is_available() or importlib.util.find_spec("spconv_triton") is None,
    reason="needs CUDA and spconv-triton",
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_spconv_triton_agrees_on_cuda(dtype: torch.dtype) -> None:
    from ovstore.models.sparse.spconv_triton import convolve as theirs

    device = torch.device("cuda")
    assert max(accelerator.differences(theirs, by_torch, device, dtype)) <= accelerator.TOLERANCE[dtype]
