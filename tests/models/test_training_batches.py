"""Batches: seeds decide what is in them; workers, ranks and resumes do not."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from ovstore.core.errors import BadInput, BadScene
from ovstore.models.students import tiny
from ovstore.models.training.batches import Batch, batches, batches_per_epoch, collate
from ovstore.models.training.inference import point_vectors, voxel_vectors
from ovstore.models.training.options import TrainingOptions
from ovstore.models.training.scenes import TrainingScene, TrainingSource
from ovstore.models.training.voxel_samples import sample

OPTIONS = TrainingOptions(voxel_size=0.2, batch_size=2, loop=2)
CPU = torch.device("cpu")


def room(number: int) -> TrainingScene:
    """No two of the same size."""
    rng = np.random.default_rng(number)
    points = 200 + number
    return TrainingScene(
        f"room {number}",
        rng.uniform(0, 2, (points, 3)),
        rng.integers(0, 256, (points, 3)).astype(np.uint8),
        np.arange(0, points, 2),
        rng.standard_normal((len(range(0, points, 2)), 4)).astype(np.float16),
    )


ROOMS = [TrainingSource(f"room {number}", partial(room, number)) for number in range(7)]


def same(one: Sequence[Batch], other: Sequence[Batch]) -> bool:
    """To the bit."""
    return len(one) == len(other) and all(
        a.number == b.number
        and a.scenes == b.scenes
        and all(
            torch.equal(getattr(a, name), getattr(b, name))
            for name in ("coordinates", "inputs", "voxel_index", "target")
        )
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers_change_nothing(workers: int) -> None:
    assert same(list(batches(ROOMS, OPTIONS, 3)), list(batches(ROOMS, OPTIONS, 3, workers=workers)))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_where_it_was_left_and_loads_nothing_else(workers: int) -> None:
    loaded: list[int] = []

    def noted(number: int) -> TrainingScene:
        loaded.append(number)
        return room(number)

    whole = list(batches(ROOMS, OPTIONS, 1))
    noting = [TrainingSource(f"room {number}", partial(noted, number)) for number in range(7)]
    for start in (0, 3, 6, 7):
        loaded.clear()
        rest = list(batches(noting, OPTIONS, 1, workers=workers, start=start))
        assert same(rest, whole[start:])
        assert len(loaded) == 2 * (7 - start)


@pytest.mark.parametrize("world", [2, 3])
def test_ranks_together_see_what_one_sees_with_larger_batches(world: int) -> None:
    alone = list(batches(ROOMS, replace(OPTIONS, batch_size=2 * world), 0))
    ranks = [list(batches(ROOMS, OPTIONS, 0, rank, world)) for rank in range(world)]
    assert {len(each) for each in ranks} == {len(alone)} == {14 // (2 * world)}
    for number, large in enumerate(alone):
        parts = [each[number] for each in ranks]
        assert sum((part.scenes for part in parts), ()) == large.scenes
        assert torch.equal(torch.cat([part.target for part in parts]), large.target)
        assert torch.equal(torch.cat([part.inputs for part in parts]), large.inputs)
        cells = torch.cat([part.coordinates[:, 1:] for part in parts])
        assert torch.equal(cells, large.coordinates[:, 1:])  # moved by the same shift


def test_an_epoch_sees_every_scene_as_often_as_loop_says_and_each_time_anew() -> None:
    seen = list(batches(ROOMS, replace(OPTIONS, batch_size=1, loop=3), 0))
    names = [name for batch in seen for name in batch.scenes]
    assert sorted(names) == sorted([source.name for source in ROOMS] * 3)
    first = [batch for batch in seen if batch.scenes == ("room 0",)]
    assert len({batch.voxel_count for batch in first} | {float(batch.inputs.sum()) for batch in first}) > 3
    other = [name for batch in batches(ROOMS, replace(OPTIONS, batch_size=1, loop=3), 1) for name in batch.scenes]
    assert names != other


def test_another_seed_is_another_training() -> None:
    one, other = (next(batches(ROOMS, replace(OPTIONS, seed=seed), 0)) for seed in (1, 2))
    assert one.scenes != other.scenes or not torch.equal(one.inputs, other.inputs)


def test_what_does_not_fill_a_batch_is_left_out() -> None:
    assert batches_per_epoch(7, OPTIONS) == 7
    assert batches_per_epoch(7, replace(OPTIONS, loop=1)) == 3
    assert batches_per_epoch(7, replace(OPTIONS, loop=1), world=2) == 1
    with pytest.raises(BadInput, match="3 scenes, 1 times each, do not fill one batch of 8"):
        batches_per_epoch(3, TrainingOptions(loop=1))


def test_shifts_are_one_for_a_batch_and_less_than_the_option() -> None:
    still = replace(OPTIONS, shift=0)
    shifts = []
    for moved, rested in zip(batches(ROOMS, OPTIONS, 0), batches(ROOMS, still, 0), strict=True):
        apart = (moved.coordinates - rested.coordinates).unique(dim=0)
        assert len(apart) == 1 and apart[0, 0] == 0
        shifts.append(apart[0, 1:].tolist())
    assert all(0 <= cells < 100 for shift in shifts for cells in shift)
    assert len({tuple(shift) for shift in shifts}) > 1


def test_rows_of_a_batch_are_those_of_its_samples() -> None:
    shown = [sample(room(number), OPTIONS, np.random.default_rng(number), True) for number in (2, 0)]
    batch = collate(shown, np.array([1, 2, 3]), number=5)
    assert batch.number == 5 and batch.scenes == ("room 2", "room 0")
    first = len(shown[0].cells)
    assert batch.voxel_count == first + len(shown[1].cells)
    assert (batch.coordinates[:, 0].numpy() == np.repeat([0, 1], [first, len(shown[1].cells)])).all()
    assert (batch.coordinates[first:, 1:].numpy() == shown[1].cells + np.array([1, 2, 3])).all()
    taught = len(shown[0].voxel_index)
    assert (batch.voxel_index[taught:].numpy() == shown[1].voxel_index + first).all()
    assert batch.target.dtype == torch.float16 and batch.coordinates.dtype == torch.int32
    assert len(batch.tensor().voxels) == batch.voxel_count
    assert same([batch], [batch.to(CPU)])


def test_a_batch_that_is_taught_nothing_is_given_empty() -> None:
    bare = TrainingScene("bare", np.eye(3), None, np.zeros(0, np.int64), np.zeros((0, 4), np.float16))
    [batch] = batches([TrainingSource("bare", lambda: bare)], replace(OPTIONS, inputs="ones"), 0)
    assert batch.target.shape == (0, 4) and len(batch.voxel_index) == 0 and batch.voxel_count == 6


def test_vectors_of_two_lengths_do_not_mix() -> None:
    other = TrainingScene("other", np.eye(3), np.zeros((3, 3), np.uint8), np.arange(3), np.zeros((3, 6), np.float16))
    with pytest.raises(BadInput, match="have targets of 4 and 6 numbers"):
        list(batches([ROOMS[0], TrainingSource("other", lambda: other)], OPTIONS, 0))


@pytest.mark.parametrize("workers", [0, 3])
def test_a_scene_that_fails_ends_the_epoch_by_its_name(workers: int) -> None:
    def gone() -> TrainingScene:
        raise BadInput("the file is not there.")

    with pytest.raises(BadScene, match=r"^room 9: the file is not there"):
        list(batches([*ROOMS, TrainingSource("room 9", gone)], OPTIONS, 0, workers=workers))


def test_a_scene_that_cannot_be_bent_is_named() -> None:
    wide = TrainingScene("wide", np.eye(3) * 1e4, None, np.arange(3), np.zeros((3, 4), np.float16))
    options = replace(OPTIONS, batch_size=1, inputs="ones", elastic_probability=1.0)
    with pytest.raises(
        BadScene, match=r"^wide: Elastic distortion with a granularity of 0.2 m over 10000 x 10000 x 10000 m"
    ):
        list(batches([TrainingSource("wide", lambda: wide)], options, 0))


def test_an_epoch_that_is_left_early_leaves_no_threads() -> None:
    import threading

    before = threading.active_count()
    epoch = batches(ROOMS, OPTIONS, 0, workers=3)
    next(epoch)
    assert threading.active_count() > before
    epoch.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before


# Inference


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    """The student tiny with eight channels out, in training mode."""
    torch.manual_seed(0)
    return tiny.build(tiny.Options(), 3, 8)


@pytest.mark.parametrize("inputs", ["ones", "color"])
def test_the_order_of_points_changes_no_vector(network: torch.nn.Module, inputs: str) -> None:
    taught = room(50)
    options = replace(OPTIONS, inputs=inputs)  # type: ignore[arg-type]
    order = np.random.default_rng(0).permutation(len(taught.xyz))
    assert taught.rgb is not None
    vectors = point_vectors(network, taught.xyz, taught.rgb, options, CPU)
    assert vectors.shape == (len(taught.xyz), 8) and vectors.dtype == np.float32
    again = point_vectors(network, taught.xyz[order], taught.rgb[order], options, CPU)
    assert (again == vectors[order]).all()


def test_points_of_one_voxel_have_one_vector(network: torch.nn.Module) -> None:
    taught = room(50)
    grid, vectors = voxel_vectors(network, taught.xyz, taught.rgb, OPTIONS, CPU)
    assert len(vectors) == len(grid.cells) < len(taught.xyz)
    assert (point_vectors(network, taught.xyz, taught.rgb, OPTIONS, CPU) == vectors[grid.voxel_of_point]).all()


def test_looking_changes_nothing_in_the_network(network: torch.nn.Module) -> None:
    taught = room(50)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    assert network.training
    point_vectors(network, taught.xyz, taught.rgb, OPTIONS, CPU)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_a_student_of_colours_needs_colours(network: torch.nn.Module) -> None:
    with pytest.raises(BadInput, match="has no colours"):
        point_vectors(network, np.eye(3), None, OPTIONS, CPU)
