"""Masks of many frames are one object where the frames that see both agree; held to a plain twin of MaskClustering."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from ovstore.ingest.regions.masks.clusters import clusters, observer_counts
from ovstore.ingest.regions.masks.density import density_clusters
from ovstore.ingest.regions.masks.objects import MaskObjects, mask_objects
from ovstore.ingest.regions.masks.options import MaskOptions
from ovstore.ingest.regions.masks.sightings import PointsOfMasks, Sightings, sightings
from ovstore.ingest.regions.masks.votes import contained_masks, plain_rows, votes
from scipy.sparse import csr_matrix
from scipy.spatial.distance import cdist

SPEC = MaskOptions(overlaps="border", least_points=1, least_masks=2)  # every rule of the paper but the lifting
Masks = Sequence[Sequence[Sequence[int]]]  # frames, their masks, the points of each


def listed(frames: Masks) -> list[PointsOfMasks]:
    return [
        (
            number,
            np.concatenate([np.full(len(points), mask) for mask, points in enumerate(masks)] or [np.empty(0, int)]),
            np.concatenate([np.array(points, int) for points in masks] or [np.empty(0, int)]).astype(int),
        )
        for number, masks in enumerate(frames)
    ]


def seen_in(frames: Masks, points: int) -> Sightings:
    return sightings(listed(frames), points, 1)


# Three frames of a scene of 40 points: thing A is 0..9, B is 10..19, C is 20..29, the wall 30..39.
A, B, C = list(range(10)), list(range(10, 20)), list(range(20, 30))
EIGHT: Masks = [
    [A, B, C[:9]],  # masks 0, 1, 2
    [A[:8], B[:9] + C[:1], C[1:]],  # 3, 4 (a point of C too), 5
    [A + B, C],  # 6 (A and B in one), 7
]


def test_the_rates_of_eight_masks_in_three_frames_are_those_worked_out_by_hand() -> None:
    contained, visible, split = contained_masks(seen_in(EIGHT, 40), SPEC)
    assert visible.tolist() == [3] * 8
    expected = [
        [0, 3, 6],  # A: all its points but two are in 3, all in 6
        [1, 4, 6],  # B: 9 of the 9 points that frame 1 shows of it are in 4
        [2, 5, 7],  # C: 8 of 9 points are in 5, one in 4: .89 > .8
        [0, 3, 6],
        [1, 4, 6],  # 4 has 9 points of B, one of C: .9 in 1, .9 in 6
        [2, 5, 7],
        [6],  # A + B: half in 0, half in 1; 8 of 17 in 3: frames 0 and 1 split it
        [2, 5, 7],  # C: 9 of 10 in 5
    ]
    assert [contained[row].indices.tolist() for row in range(8)] == expected
    assert split.tolist() == [0, 0, 0, 0, 0, 0, 2, 0]


def test_a_mask_that_two_of_three_frames_split_is_set_aside_and_says_nothing_of_others() -> None:
    seen = seen_in(EIGHT, 40)
    said = votes(seen, SPEC)
    assert np.flatnonzero(said.set_aside).tolist() == [6]  # 2 / 3 > .3
    sees = (said.contained.toarray()[:, :, None] & (seen.frame[:, None] == np.arange(3))).any(axis=1)
    # A and B lose frame 2 as an observer with mask 6; C is seen by all three frames.
    assert sees.astype(int).tolist() == [
        [1, 1, 0], [1, 1, 0], [1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0], [1, 1, 1]
    ]  # fmt: skip
    # Observers: 2 for the 4 x 4 pairs of A's and B's masks, 3 for the 3 x 3 of C's, 2 for the 2 x 4 x 3 between them.
    # Percentile p is number .48 p: 45.6 -> 3 (95), 43.2 -> 3 (90), 40.8 -> 3 (85), 38.4 -> 2 (80) ... 0 -> 2 (0).
    assert observer_counts(csr_matrix(sees)) == [3.0] * 3 + [2.0] * 17
    # Supporters / observers: 0 with 3 is 2 / 2, with 1 is 0 / 2; 2 with 5 and 7 is 3 / 3, 0 with 2 is 0 / 2.
    cluster, frames = clusters(seen, said, SPEC)
    named = {tuple(np.flatnonzero(cluster == one)) for one in set(cluster.tolist()) - {-1}}
    assert named == {(0, 3), (1, 4), (2, 5, 7)}
    assert cluster[6] == -1
    assert [frames[cluster[mask]].indices.tolist() for mask in (0, 1, 2)] == [[0, 1], [0, 1], [0, 1, 2]]


def test_points_stay_that_most_frames_give_to_the_object() -> None:
    xyz = np.random.default_rng(0).random((40, 3)) * 0.02
    found = mask_objects(listed(EIGHT), xyz, SPEC)
    # Point 20 lies in 4, of B's cluster, in one of the two frames that see B, and in 2, 7 of the three that see C.
    # The last points of A are in no mask of frame 1, which therefore does not count for them.
    assert [points.tolist() for points in found.points] == [A, B, C]
    assert (found.masks, found.mask_count, found.set_aside) == ((2, 2, 3), 8, 1)


# The twin: the rules of the paper's code, in plain numpy over dense matrices.


def twin(frames: Masks, count: int, options: MaskOptions = SPEC) -> list[list[int]]:
    """The clusters of masks, each as its masks."""
    masks = [(number, set(points)) for number, own in enumerate(frames) for points in own]
    border = {
        p
        for own in frames
        for at, points in enumerate(own)
        for other in own[at + 1 :]
        for p in set(points) & set(other)
    }
    total = len(masks)
    contained, sees = np.zeros((total, total), bool), np.zeros((total, len(frames)), bool)
    aside = np.zeros(total, bool)
    for m, (_, points) in enumerate(masks):
        core, visible, split = points - border, 0, 0
        for number in range(len(frames)):
            inside = {k: len(core & theirs) for k, (frame, theirs) in enumerate(masks) if frame == number}
            here = sum(inside.values())
            if not here or (here / len(core) < options.visible and here < options.visible_points):
                continue
            visible += 1
            best = max(inside, key=lambda k: (inside[k], -k))
            if inside[best] / here > options.contained:
                contained[m, best] = sees[m, number] = True
            else:
                split += 1
        aside[m] = visible == 0 or split / visible > options.split
    for k in np.flatnonzero(aside):
        sees[contained[:, k], masks[k][0]] = False
        contained[:, k] = False
    counts = (sees.astype(int) @ sees.T.astype(int)).ravel()
    nodes = [[m] for m in range(total) if not aside[m]]
    for percentile in range(95, -5, -5):
        least = np.percentile(counts[counts > 0], percentile)
        if least <= 1 and percentile < 50:
            break
        held = np.array([contained[node].any(axis=0) for node in nodes], int)
        shown = np.array([sees[node].any(axis=0) for node in nodes], int)
        observers, supporters = shown @ shown.T, held @ held.T
        linked = (supporters / (observers + 1e-7) >= options.consensus) & (observers >= max(least, 1))
        label = np.arange(len(nodes))
        for a, b in np.argwhere(linked):
            label[label == label[b]] = label[a]
        nodes = [[m for i in np.flatnonzero(label == one) for m in nodes[i]] for one in dict.fromkeys(label.tolist())]
    return sorted(sorted(node) for node in nodes)


def faulty_frames(seed: int, frames: int = 14, things: int = 6, size: int = 40, nested: bool = False) -> Masks:
    """Masks of things as a segmenter leaves them: parts unseen, borders off, things joined and split, some missing."""
    rng = np.random.default_rng(seed)
    shown: list[list[list[int]]] = []
    for _ in range(frames):
        masks: list[list[int]] = []
        for thing in range(things):
            points = np.arange(thing * size, (thing + 1) * size)
            points = points[rng.random(size) < rng.uniform(0.5, 1)]
            fault = rng.random()
            if fault < 0.1:
                continue
            if fault < 0.2 and masks:
                masks[-1] = masks[-1] + points.tolist()
            elif fault < 0.35:
                masks += [points[::2].tolist(), points[1::2].tolist()]
            else:
                masks.append(points.tolist())
            if fault > 0.8:
                masks[-1] = masks[-1] + rng.integers(0, things * size, 3).tolist()
            if nested and fault > 0.6:
                masks.append(points[: size // 3].tolist())
        shown.append([sorted(set(mask)) for mask in masks if mask])
    return shown


def clustered(frames: Masks, count: int, options: MaskOptions) -> list[list[int]]:
    seen = seen_in(frames, count)
    counted = seen if options.overlaps == "nested" else seen.without_border_points()
    cluster, _ = clusters(counted, votes(counted, options), options)
    return sorted(np.flatnonzero(cluster == one).tolist() for one in set(cluster.tolist()) - {-1})


@pytest.mark.parametrize("seed", range(8))
def test_clusters_are_those_of_the_plain_twin(seed: int) -> None:
    frames = faulty_frames(seed)
    assert clustered(frames, 240, SPEC) == twin(frames, 240)
    loose = replace(SPEC, visible=0.1, contained=0.6, split=0.6, consensus=0.7)
    assert clustered(frames, 240, loose) == twin(frames, 240, loose)


@pytest.mark.parametrize("options", [SPEC, MaskOptions(least_points=1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_compiled_loops_give_what_the_plain_ones_give(
    seed: int, options: MaskOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = faulty_frames(seed, nested=True)
    before = clustered(frames, 240, options)
    for module in ("votes", "clusters"):
        monkeypatch.setattr(f"ovstore.ingest.regions.masks.{module}.COMPILED", False)
    assert clustered(frames, 240, options) == before


def test_blocks_of_masks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = faulty_frames(3)
    before = clustered(frames, 240, SPEC)
    monkeypatch.setattr("ovstore.ingest.regions.masks.votes._CELLS", 500)
    monkeypatch.setattr("ovstore.ingest.regions.masks.clusters._ROWS", 7)
    assert clustered(frames, 240, SPEC) == before
    seen = seen_in(frames, 240)
    assert len(list(plain_rows(seen, SPEC))) > 5


def test_percentiles_of_observers_are_those_of_numpy() -> None:
    sees = np.random.default_rng(4).random((60, 20)) < 0.5
    counts = (sees.astype(int) @ sees.T.astype(int)).ravel()
    found = observer_counts(csr_matrix(sees))
    assert np.allclose(found, [np.percentile(counts[counts > 0], p) for p in range(95, -5, -5)][: len(found)])


# Laws.


def room(things: int = 4, size: int = 60) -> NDArray[np.float64]:
    """Things half a metre apart, each a ball of points of 5 cm."""
    rng = np.random.default_rng(9)
    return np.concatenate([rng.normal(size=(size, 3)) * 0.02 + (0.5 * thing, 0, 0) for thing in range(things)])


def objects_of(frames: Masks, options: MaskOptions | None = None) -> list[list[int]]:
    xyz = room()
    return [points.tolist() for points in mask_objects(listed(frames), xyz, options).points]


def whole(thing: int) -> list[int]:
    return list(range(60 * thing, 60 * thing + 60))


@pytest.mark.parametrize("options", [MaskOptions(), SPEC])
def test_a_mask_seen_whole_in_all_frames_is_one_object(options: MaskOptions) -> None:
    assert objects_of([[whole(0), whole(1), whole(2)]] * 5, options) == [whole(0), whole(1), whole(2)]


@pytest.mark.parametrize("options", [MaskOptions(), SPEC])
def test_a_mask_that_covers_two_things_in_one_frame_of_many_is_set_aside(options: MaskOptions) -> None:
    frames = [[whole(0), whole(1)]] * 6 + [[whole(0) + whole(1)]]
    assert objects_of(frames, options) == [whole(0), whole(1)]
    assert mask_objects(listed(frames), room(), options).set_aside == 1


@pytest.mark.parametrize("options", [MaskOptions(), SPEC])
def test_numbers_of_masks_within_a_frame_and_the_order_of_frames_change_nothing(options: MaskOptions) -> None:
    rng = np.random.default_rng(2)
    frames = faulty_frames(5, things=4, size=60)
    before = objects_of(frames, options)
    assert len(before) >= 4
    renumbered = [[masks[row] for row in rng.permutation(len(masks))] for masks in frames]
    assert objects_of(renumbered, options) == before
    assert objects_of([frames[row] for row in rng.permutation(len(frames))], options) == before


def test_one_mask_alone_is_an_object_here_and_none_in_the_original() -> None:
    assert objects_of([[whole(0), whole(1)], [whole(0)]], SPEC) == [whole(0)]
    assert objects_of([[whole(0), whole(1)], [whole(0)]]) == [whole(0), whole(1)]
    assert objects_of([[whole(0)]], SPEC) == []
    assert objects_of([[whole(0)]]) == [whole(0)]


def test_one_mask_alone_takes_nothing_from_what_several_hold() -> None:
    alone = whole(0)[45:] + whole(1)  # a fifth lies in other masks: too little for their frames to see it
    assert objects_of([[whole(0)], [whole(0)], [alone]]) == [whole(0), whole(1)]
    assert objects_of([[whole(0)], [whole(0)], [whole(0)[10:] + whole(1)[:40]]]) == [whole(0)]  # others see it


def test_no_mask_at_all_is_no_object() -> None:
    assert mask_objects([], room()) == MaskObjects((), (), 0, 0)
    assert mask_objects(listed([[], []]), room()).points == ()


def test_what_one_cluster_holds_far_apart_is_two_objects() -> None:
    both = whole(0) + whole(3)
    assert objects_of([[both]] * 2 + [[whole(0)]] * 2 + [[whole(3)]] * 2) == [whole(0), whole(3)]


def test_what_a_mask_holds_of_the_wall_behind_its_thing_goes() -> None:
    assert objects_of([[whole(0) + whole(3)[:20]]] * 4) == [whole(0)]  # no mask is mostly that


def test_parts_within_a_whole_do_not_break_it_where_masks_may_overlap() -> None:
    seat = whole(0)[:20]
    frames = [[whole(0), seat, whole(1)]] * 3 + [[whole(0), whole(1)], [seat, whole(0)[20:], whole(1)]]
    assert objects_of(frames) == [whole(0), whole(1)]


def test_two_things_that_half_of_the_frames_divide_stay_two_whatever_holds_both_in_the_others() -> None:
    """On a tray on a table: two masks of a frame hold both, and are one voice all the same."""
    both = whole(0) + whole(1)
    frames = [[both + whole(2), both]] * 2 + [[whole(0), whole(1), whole(2)]] * 6
    assert whole(0) in objects_of(frames)
    assert whole(1) in objects_of(frames)


@pytest.mark.parametrize("seed", range(5))
def test_density_clusters_are_those_of_dbscan(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.random((6, 3)) * 0.6
    xyz = np.concatenate([centres[rng.integers(0, 6, 250)] + rng.normal(size=(250, 3)) * 0.03, rng.random((30, 3))])
    near = cdist(xyz, xyz) <= 0.1
    core = near.sum(axis=1) >= 4
    label, number = np.full(len(xyz), -1), 0
    for first in range(len(xyz)):
        if core[first] and label[first] < 0:
            grown = core & near[first]
            while (wider := core & near[grown].any(axis=0)).sum() > grown.sum():
                grown = wider
            label[grown] = number
            number += 1
    for point in np.flatnonzero(~core & (near & core).any(axis=1)):
        label[point] = label[np.where(core, cdist(xyz[[point]], xyz)[0], np.inf).argmin()]
    found = density_clusters(xyz, 0.1, 4)
    assert (np.sort(np.unique(np.stack([found, label]), axis=1)[0]) == np.unique(found)).all()
    assert len(np.unique(np.stack([found, label]), axis=1).T) == len(np.unique(label))
    assert (found == -1).tolist() == (label == -1).tolist()
