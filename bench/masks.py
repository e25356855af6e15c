"""View consensus over masks at the size of a long walk: seconds and peak memory, on generated sightings.

    python bench/masks.py [--masks 10000] [--frames 1000] [--points 1000000] [--seen 50000]

A frame sees `--seen` points that lie side by side, and its masks divide them: each thing it shows is one mask, with
faults as a segmenter leaves them (two things in one mask, one thing in two, none, a frayed border).
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
from numpy.typing import NDArray
from ovstore.ingest.compiled import COMPILED
from ovstore.ingest.regions.masks.objects import mask_objects
from ovstore.ingest.regions.masks.sightings import PointsOfMasks

_MERGED, _SPLIT, _MISSING, _FRAYED = 0.05, 0.1, 0.1, 0.02


def things_along(points: int, things: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """(N, 3) points on a floor of 1 cm spacing, strip after strip, and (N,) their thing: blocks along the walk."""
    thing = (np.arange(points) * things // points).astype(np.int32)
    along, across = np.divmod(np.arange(points), 100)
    return np.column_stack([along * 0.01, across * 0.01, np.zeros(points)]), thing


def frames(thing: NDArray[np.int32], count: int, seen: int, rng: np.random.Generator) -> Iterator[PointsOfMasks]:
    """Views from anywhere along the walk."""
    for number in range(count):
        start = int(rng.integers(0, max(1, len(thing) - seen)))
        points = np.arange(start, min(start + seen, len(thing)))
        points = points[rng.random(len(points)) < 0.95]
        shown, own = np.unique(thing[points], return_inverse=True)
        fault = rng.random(len(shown))
        joined = np.where((fault < _MERGED) & (np.arange(len(shown)) > 0), np.arange(len(shown)) - 1, range(len(shown)))
        frayed = rng.random(len(points)) < _FRAYED
        mask = joined[np.where(frayed, np.minimum(own + 1, len(shown) - 1), own)]
        mask = np.where((fault > 1 - _SPLIT)[own] & (points % 100 < 50), mask + len(shown), mask)
        kept = ~((fault > _MERGED) & (fault < _MERGED + _MISSING))[own]
        yield number, np.unique(mask[kept], return_inverse=True)[1], points[kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--masks", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=1_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--seen", type=int, default=50_000, help="points a frame sees")
    asked = parser.parse_args()
    per_frame = asked.masks // asked.frames
    xyz, thing = things_along(asked.points, per_frame * asked.points // asked.seen)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    started, processor = time.perf_counter(), time.process_time()
    found = mask_objects(frames(thing, asked.frames, asked.seen, np.random.default_rng(0)), xyz)
    wall, work = time.perf_counter() - started, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    right = sum(np.bincount(thing[points]).max() > 0.9 * len(points) for points in found.points)
    print(
        f"{found.mask_count:,} masks, {asked.frames:,} frames, {asked.points:,} points, "
        f"{'compiled' if COMPILED else 'plain'}: {wall:.1f} s ({work:.1f} s of CPU), peak {peak:,.0f} MB "
        f"({before:,.0f} before); {len(found.points):,} objects of {thing.max() + 1:,} things, "
        f"{right:,} of one thing"
    )


if __name__ == "__main__":
    main()
