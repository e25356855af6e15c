"""Generated 2D masks: their faults are those that were asked for, and equal for equal seeds."""

import numpy as np
import pytest
from ovstore.ingest.generated.spoiled_masks import NO_FAULTS, MaskCounts, MaskFaults, spoiled_masks


def _board(cells: int = 8, pixels: int = 24) -> np.ndarray:
    """A chess board of things, numbered from 0, with a hole."""
    board = np.kron(np.arange(cells * cells, dtype=np.int32).reshape(cells, cells), np.ones((pixels, pixels), np.int32))
    board[:pixels, :pixels] = -1
    return board


def test_without_faults_each_thing_is_its_own_mask() -> None:
    board = _board()
    ids, counts = spoiled_masks(board, NO_FAULTS, np.random.default_rng(0))
    pairs = np.unique(np.stack([board.ravel(), ids.ravel()]), axis=1)
    assert pairs.shape[1] == 64 and len(np.unique(pairs[1])) == 64
    assert (ids == 0).sum() == 24 * 24 and (ids[board < 0] == 0).all()
    assert counts == MaskCounts(things=63, masks=63, large=63)


def test_the_same_seed_makes_the_same_masks() -> None:
    first, second, other = (spoiled_masks(_board(), MaskFaults(), np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert (first == second).all() and (first != other).any()


@pytest.mark.parametrize("fault", ["merged", "missing", "split", "partial", "moved", "resized"])
def test_each_fault_comes_as_often_as_it_is_asked_for(fault: str) -> None:
    faults = MaskFaults(**{**vars(NO_FAULTS), fault: 0.25, "border": 0.01})
    total = sum((spoiled_masks(_board(), faults, np.random.default_rng(k))[1] for k in range(20)), MaskCounts())
    assert getattr(total, fault) / total.things == pytest.approx(0.25, abs=0.04)
    others = {"merged", "missing", "split", "partial", "moved", "resized"} - {fault}
    assert all(getattr(total, name) == 0 for name in others)


def test_merging_and_missing_make_fewer_masks_and_splitting_more() -> None:
    def masks(**share: float) -> int:
        return spoiled_masks(_board(), MaskFaults(**{**vars(NO_FAULTS), **share}), np.random.default_rng(3))[1].masks

    assert masks(missing=1) == 0
    assert masks(split=1) == 2 * 63
    assert masks(partial=1) == 63
    assert masks(merged=1) < 32


def test_moved_and_resized_masks_differ_at_their_borders_alone() -> None:
    board, faults = _board(), MaskFaults(**{**vars(NO_FAULTS), "moved": 1, "resized": 1, "border": 0.01})
    ids, _ = spoiled_masks(board, faults, np.random.default_rng(5))
    exact, _ = spoiled_masks(board, NO_FAULTS, np.random.default_rng(5))
    core = np.zeros(board.shape, bool)
    core.reshape(8, 24, 8, 24)[:, 10:14, :, 10:14] = True
    pairs = np.unique(np.stack([exact[core], ids[core]]), axis=1)
    assert (exact != ids).any() and pairs.shape[1] == 64  # the middle of each thing is still one mask's


def test_an_image_that_shows_nothing_has_no_masks() -> None:
    ids, counts = spoiled_masks(np.full((20, 30), -1, np.int32), MaskFaults(), np.random.default_rng(0))
    assert ids.shape == (20, 30) and not ids.any() and counts == MaskCounts()
