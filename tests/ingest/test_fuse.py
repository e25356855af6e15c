"""Fusion as laws: frames in any order, blocks of any size, memory of any amount, three ways to multiply."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from limits import full_disk
from ovstore.core.errors import BadInput, SpaceMismatch
from ovstore.core.features import Correspondence, EmbeddingSpace, FeatureMap, PointFeatures
from ovstore.core.scene import Camera
from ovstore.ingest.compat.openscene import FUSION
from ovstore.ingest.fusion import weights
from ovstore.ingest.fusion.fuse import FusionOptions, fuse
from ovstore.ingest.fusion.point_views import Sights
from ovstore.ingest.fusion.sampling_weights import Grid, KeptMap, block_taps, cells

DIM, POINTS, FRAMES = 40, 700, 6
SPACE = EmbeddingSpace("test", DIM, "")
CAMERAS = [Camera(32, 24, 30.0, 30.0, 15.5, 11.5)] * FRAMES
PATHS = [name for name, package in (("numba", "numba"), ("embedding_bag", "torch"), ("numpy", "scipy"))
         if importlib.util.find_spec(package)]  # fmt: skip
KINDS = {"tokens": ((6, 8), "bilinear"), "dense": ((24, 32), "nearest"), "dense bilinear": ((24, 32), "bilinear")}
HALF_ULP = 2.0**-11  # of a number just below one


def sightings(seed: int = 0) -> list[Correspondence]:
    """Each frame sees about a third of the points, at random places; the last 100 points are seen by none."""
    rng = np.random.default_rng(seed)
    found = []
    for frame in range(FRAMES):
        index = np.flatnonzero(rng.random(POINTS - 100) < 0.33).astype(np.int32)
        uv = rng.uniform([-0.5, -0.5], [31.49, 23.49], (len(index), 2)).astype(np.float32)
        found.append(Correspondence(frame, index, uv, rng.uniform(0.5, 5, len(index)).astype(np.float32)))
    return found


def feature_maps(kind: str = "tokens", seed: int = 1) -> list[tuple[int, FeatureMap]]:
    shape, sampling = KINDS[kind]
    rng = np.random.default_rng(seed)
    return [
        (frame, FeatureMap(SPACE, (3 * rng.normal(size=(*shape, DIM))).astype(np.float16), sampling))  # type: ignore[arg-type]
        for frame in range(FRAMES)
    ]


def fused(maps, seen=None, options: FusionOptions | None = None, **how) -> PointFeatures:  # type: ignore[no-untyped-def]
    return fuse(iter(maps), sightings() if seen is None else seen, CAMERAS, POINTS, SPACE, options, **how)


def assert_equal(one: PointFeatures, other: PointFeatures, tolerance: float = 0.0) -> None:
    assert np.array_equal(one.point_index, other.point_index)
    assert np.array_equal(one.view_count, other.view_count)
    a, b = one.vectors.astype(np.float64), other.vectors.astype(np.float64)
    assert np.abs(a - b).max(initial=0) <= tolerance * max(np.abs(a).max(initial=0), 1e-9)


@pytest.mark.parametrize(
    "options", [FusionOptions(), FusionOptions("view"), FUSION, FusionOptions(unit_length=False)], ids=str
)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS)
def test_each_path_is_the_plain_average(path: str, kind: str, options: FusionOptions) -> None:
    """Against a loop over points and views that upsamples one pixel at a time, in float64."""
    maps, seen = dict(feature_maps(kind)), sightings()
    sums, total, count = np.zeros((POINTS, DIM)), np.zeros(POINTS), np.zeros(POINTS, int)
    for correspondence in seen:
        values = maps[correspondence.frame].values.astype(np.float64)
        if options.normalise_views:
            values = values / np.linalg.norm(values, axis=2, keepdims=True)
        weight = np.ones(len(correspondence))
        if options.weighting == "view":
            weight = weights.view_weights(correspondence, CAMERAS[0]).astype(np.float64)
        for point, (u, v), w in zip(correspondence.point_index, correspondence.uv, weight, strict=True):
            sums[point] += w * pixel(values, float(u), float(v), KINDS[kind][1])
            total[point] += w
            count[point] += 1
    expected = sums[count > 0]
    expected /= np.linalg.norm(expected, axis=1, keepdims=True) if options.unit_length else total[count > 0, None]
    result = fused(maps.items(), seen, options, path=path)
    assert np.array_equal(result.point_index, np.flatnonzero(count))
    assert np.array_equal(result.view_count, count[count > 0])
    scale = np.abs(expected).max()
    assert np.abs(result.vectors - expected).max() <= (2 if path == "embedding_bag" else 1.01) * HALF_ULP * scale


def pixel(values: np.ndarray, u: float, v: float, sampling: str) -> np.ndarray:
    """One pixel of the map (h, w, C) as if it were upsampled to 32x24."""
    height, width, _ = values.shape
    x = min(max((u + 0.5) * width / 32 - 0.5, 0), width - 1)
    y = min(max((v + 0.5) * height / 24 - 0.5, 0), height - 1)
    if sampling == "nearest":
        return values[int(np.rint(y)), int(np.rint(x))]
    x0, y0 = int(x), int(y)
    x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
    top = values[y0, x0] * (1 - (x - x0)) + values[y0, x1] * (x - x0)
    bottom = values[y1, x0] * (1 - (x - x0)) + values[y1, x1] * (x - x0)
    return top * (1 - (y - y0)) + bottom * (y - y0)


@pytest.mark.parametrize("options", [FusionOptions(), FusionOptions("view"), FUSION], ids=str)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", PATHS)
def test_blocks_threads_and_memory_change_no_bit(path: str, kind: str, options: FusionOptions, tmp_path: Path) -> None:
    """With memory for them, sums are kept as maps come; without, rows of maps until the end."""
    maps = feature_maps(kind)
    whole = fused(maps, options=options, path=path, threads=1)
    assert_equal(whole, fused(maps, options=options, path=path, block_views=37, threads=3))
    assert_equal(whole, fused(maps, options=options, path=path, memory_mb=0, workdir=tmp_path, threads=2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", PATHS)
def test_fusing_ignores_the_order_of_frames(path: str) -> None:
    maps = feature_maps()
    assert_equal(fused(maps, path=path), fused(maps[::-1], sightings()[::-1], path=path), 2 * HALF_ULP)


@pytest.mark.parametrize("kind", KINDS)
def test_paths_agree_to_the_last_bit_of_a_half(kind: str) -> None:
    first, *others = (fused(feature_maps(kind), options=FusionOptions("view"), path=path) for path in PATHS)
    for other in others:
        assert_equal(first, other, 2 * HALF_ULP)


@pytest.mark.parametrize("path", PATHS)
def test_vectors_have_unit_length_and_points_nobody_saw_no_row(path: str) -> None:
    result = fused(feature_maps(), path=path)
    assert result.vectors.dtype == np.float16 and result.point_index.dtype == np.int32
    np.testing.assert_allclose(np.linalg.norm(result.vectors.astype(np.float64), axis=1), 1, atol=1e-3)
    assert result.point_index.max() < POINTS - 100 and (np.diff(result.point_index) > 0).all()
    assert result.view_count.min() >= 1


@pytest.mark.parametrize("path", PATHS)
def test_one_map_everywhere_gives_one_vector_everywhere(path: str) -> None:
    direction = np.random.default_rng(3).normal(size=DIM)
    direction /= np.linalg.norm(direction)
    even = FeatureMap(SPACE, np.broadcast_to(7 * direction, (6, 8, DIM)).astype(np.float16))
    result = fused([(frame, even) for frame in range(FRAMES)], options=FusionOptions("view"), path=path)
    np.testing.assert_allclose(result.vectors.astype(np.float64) @ direction, 1, atol=1e-3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_number_or_nothing_is_not_there(path: str, kind: str) -> None:
    """Cells without a direction, in one frame: its points keep what other frames say, or have no row."""
    maps, seen = feature_maps(kind), sightings()
    for value in (np.nan, np.inf, 0):
        values = maps[2][1].values.copy()
        values[:] = value
        spoiled = [*maps[:2], (2, FeatureMap(SPACE, values, maps[2][1].sampling)), *maps[3:]]
        assert_equal(fused(spoiled, seen, path=path), fused(maps[:2] + maps[3:], seen[:2] + seen[3:], path=path))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [np.nan, np.inf, 0])
def test_a_point_whose_views_sum_to_no_direction_has_no_row(path: str, value: float) -> None:
    maps, seen = feature_maps("dense"), sightings()
    values = maps[2][1].values.copy()
    values[:] = value
    spoiled = [*maps[:2], (2, FeatureMap(SPACE, values, "nearest")), *maps[3:]]
    result = fused(spoiled, seen, FUSION, path=path)
    others = fused(maps[:2] + maps[3:], seen[:2] + seen[3:], FUSION, path=path)
    if value == 0:
        assert np.array_equal(result.point_index, others.point_index)  # zeros count, but alone they are nothing
    else:
        assert np.array_equal(result.point_index, np.setdiff1d(others.point_index, seen[2].point_index))
    assert np.isfinite(result.vectors).all()


@pytest.mark.parametrize("path", PATHS)
def test_opposite_views_leave_no_row(path: str) -> None:
    maps = feature_maps("dense")[:1]
    against = (1, FeatureMap(SPACE, -maps[0][1].values, "nearest"))
    seen = sightings()[0]
    twice = [seen, Correspondence(1, seen.point_index, seen.uv, seen.depth)]
    assert len(fused([*maps, against], twice, FUSION, path=path).point_index) == 0


def test_a_view_of_weight_zero_is_not_there() -> None:
    maps, seen = feature_maps(), sightings()
    half = np.arange(POINTS) % 2
    kept = [
        Correspondence(c.frame, c.point_index[half[c.point_index] == 1], c.uv[half[c.point_index] == 1],
                       c.depth[half[c.point_index] == 1])
        for c in seen
    ]  # fmt: skip
    grid = Grid(6, 8, 24, 32, True)
    all_kept = KeptMap(grid, 0, False, np.zeros(0, np.float32))
    weighed = Sights(seen, POINTS, lambda c: half[c.point_index].astype(np.float32), 10**6)
    fewer = Sights(kept, POINTS, lambda c: np.ones(len(c), np.float32), 10**6)
    one = block_taps([(all_kept, weighed.views(frame, 0)) for frame in range(FRAMES)], len(weighed))
    other = block_taps([(all_kept, fewer.views(frame, 0)) for frame in range(FRAMES)], len(fewer))
    assert np.array_equal(one.row, other.row) and np.array_equal(one.weight, other.weight)
    assert np.array_equal(weighed.points[one.view_count > 0], fewer.points)
    assert np.array_equal(one.view_count[one.view_count > 0], other.view_count)
    assert len(maps) == FRAMES


@pytest.mark.skipif("numba" not in PATHS, reason="numba is not installed")
@pytest.mark.parametrize("by_view", [False, True])
@pytest.mark.parametrize("bilinear", [False, True])
def test_taps_by_loops_and_by_arrays_agree_exactly(by_view: bool, bilinear: bool) -> None:
    from ovstore.ingest.fusion import fuse_kernels

    rng = np.random.default_rng(8)
    sights = Sights(sightings(), POINTS, lambda c: rng.choice([0, 0.3, 1], len(c)).astype(np.float32), 10**6)
    grid = Grid(6, 8, 24, 32, bilinear)
    norms = rng.choice([0, 0.1, 0.7], 400).astype(np.float32)
    views = [(KeptMap(grid, 400 * f, by_view, norms), sights.views(f, 0)) for f in range(FRAMES)]
    arrays, loops = block_taps(views, len(sights)), fuse_kernels.block_taps(views, len(sights))
    assert np.array_equal(arrays.view_count, loops.view_count) and np.array_equal(arrays.total, loops.total)
    for point in range(len(sights)):
        here, there = slice(arrays.start[point], arrays.stop[point]), slice(loops.start[point], loops.stop[point])
        assert np.array_equal(arrays.row[here], loops.row[there])
        assert np.array_equal(arrays.weight[here], loops.weight[there])


def test_taps_of_a_map_of_the_images_size_are_its_pixels() -> None:
    uv = np.array([[0, 0], [31, 0], [5, 7], [31, 23]], np.float32)
    for bilinear in (False, True):
        cell, weight = cells(Grid(24, 32, 24, 32, bilinear), uv)
        assert cell[:, 0].tolist() == [0, 31, 7 * 32 + 5, 23 * 32 + 31]
        assert (weight[:, 0] == 1).all() and (weight[:, 1:] == 0).all()


def test_maps_are_read_once_as_they_come() -> None:
    waiting = feature_maps()

    def network():  # type: ignore[no-untyped-def]
        while waiting:
            yield waiting.pop(0)

    assert_equal(fused(network()), fused(feature_maps()))


def test_a_map_need_not_be_contiguous() -> None:
    for kind in KINDS:
        maps = feature_maps(kind)
        turned = [
            (f, FeatureMap(SPACE, m.values.transpose(2, 0, 1).copy().transpose(1, 2, 0), m.sampling)) for f, m in maps
        ]
        assert not turned[0][1].values.flags.c_contiguous
        assert_equal(fused(maps), fused(turned))


def test_what_comes_in_may_be_read_only() -> None:
    for kind in ("tokens", "dense"):
        maps, seen = feature_maps(kind), sightings()
        expected = fused(maps, seen)
        for array in (*(m.values for _, m in maps), *(a for c in seen for a in (c.point_index, c.uv, c.depth))):
            array.setflags(write=False)
        assert_equal(expected, fused(maps, seen))


def test_maps_may_differ_in_size_and_the_first_be_the_smallest() -> None:
    maps, seen = feature_maps(), sightings()
    large = FeatureMap(SPACE, np.repeat(np.repeat(maps[3][1].values, 4, axis=0), 4, axis=1))
    mixed = [*maps[:3], (3, large), *maps[4:]]
    for how in ({}, {"memory_mb": 0}):
        result = fused(mixed, seen, **how)
        alone = fused([mixed[3]], [seen[3]], **how)
        assert np.isin(alone.point_index, result.point_index).all()


def test_nothing_seen_is_no_rows() -> None:
    empty = Correspondence(0, np.zeros(0, np.int32), np.zeros((0, 2), np.float32), np.zeros(0, np.float32))
    assert len(fused([], [empty]).point_index) == 0
    assert len(fused(feature_maps(), []).point_index) == 0


def test_view_weights_prefer_near_frontal_and_central() -> None:
    camera = Camera(320, 240, 280.0, 280.0, 159.5, 119.5)
    uv = np.array([[159.5, 119.5], [159.5, 119.5], [0, 119.5], [159.5, 119.5]], np.float32)
    depth = np.array([1, 3, 1, 1], np.float32)
    normals = np.array([[0, 0, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0.2]], np.float32)
    seen = Correspondence(0, np.arange(4, dtype=np.int32), uv, depth)
    middle, far, edge, slanted = weights.view_weights(seen, camera, normals, np.eye(4))
    assert middle == pytest.approx(0.9) and far == pytest.approx(0.5)
    assert edge < 0.2 and slanted == pytest.approx(0.9 * 0.2)
    flipped = weights.view_weights(seen, camera, -normals, np.eye(4))
    assert np.array_equal(flipped, [middle, far, edge, slanted])


BAD = {
    "no feature map": lambda maps, seen: (maps[:-1], seen),
    "two feature maps": lambda maps, seen: ([*maps, maps[0]], seen),
    "there are 6 cameras": lambda maps, seen: ([*maps, (6, maps[0][1])], seen),
    "Two correspondences": lambda maps, seen: (maps, [*seen, seen[0]]),
    "ascending rows": lambda maps, seen: (maps, [changed(seen[0], point_index=seen[0].point_index[::-1])]),
    "not finite": lambda maps, seen: (maps, [changed(seen[0], uv=seen[0].uv * np.nan)]),
    "depth": lambda maps, seen: (maps, [changed(seen[0], depth=seen[0].depth[1:])]),
}


def changed(seen: Correspondence, **fields: np.ndarray) -> Correspondence:
    return Correspondence(**{**seen.__dict__, **fields})


@pytest.mark.parametrize("sentence", BAD)
def test_wrong_input_is_a_sentence(sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        fused(*BAD[sentence](feature_maps(), sightings()))


def test_spaces_do_not_mix() -> None:
    other = EmbeddingSpace("other", DIM, "")
    with pytest.raises(SpaceMismatch):
        fused([(0, FeatureMap(other, np.ones((2, 2, DIM), np.float16)))])


def test_wrong_names_are_a_sentence() -> None:
    with pytest.raises(BadInput, match="weighting is 'median'"):
        FusionOptions(weighting="median")  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="No fusion path named 'cuda'"):
        fused(feature_maps(), path="cuda")


def test_no_room_on_disk_is_a_sentence(tmp_path: Path) -> None:
    with full_disk(), pytest.raises(BadInput, match=r"No room for .* MB .* \(File too large\)"):
        fused(feature_maps(), memory_mb=0, workdir=tmp_path)
    assert list(tmp_path.iterdir()) == []
