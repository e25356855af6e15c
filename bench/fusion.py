"""Fusion, ours beside the published loop: time, memory, and how far from what the memory bus allows.

    python bench/fusion.py            150,000 points, 50 frames of 240x320, C = 512 and 768 (20 minutes)
    python bench/fusion.py --quick    the same in small, to see that it runs; its ratios mean nothing

Both work on the same points (in Morton order, which favours both), poses, depth images and maps; visibility is part of
both, ordering the points part of ours. Runs alternate, a ratio is the median over rounds, one thread each. Peak
memory is that of a process of its own, Python and packages included.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ovstore.core.features import EmbeddingSpace, FeatureMap, PointFeatures
from ovstore.ingest.compat.openscene import FUSION, VISIBILITY
from ovstore.ingest.fusion.fuse import fuse
from ovstore.ingest.fusion.visibility import correspond
from ovstore.ingest.order import morton_order
from room import CAMERA, Room, make_room

TOKENS = (30, 40)
SMALL_MB = 64
OURS: dict[str, dict] = {
    "numba": {"path": "numba"},
    f"numba, {SMALL_MB} MB": {"path": "numba", "memory_mb": SMALL_MB},
    "embedding_bag": {"path": "embedding_bag"},
    "numpy": {"path": "numpy"},
}
PUBLISHED = "published loop"


@dataclass(frozen=True)
class Case:
    """What is fused."""

    kind: str  # "dense" or "tokens"
    channels: int
    points: int
    frames: int


@dataclass(frozen=True)
class Row:
    """One method on one case."""

    method: str
    cpu_ms: float  # a frame, median
    wall_ms: float
    cpu_ratio: float  # published / this, median over rounds
    wall_ratio: float
    peak_mb: float
    memory_ratio: float
    least_cosine: float  # with the published result, over points
    must_move_mb: float  # a frame: cells read once, vectors written once
    bus_share: float  # of the wall time, that much movement would take at the bandwidth measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="20,000 points, 6 frames, C = 64")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each method; the median counts [3]")
    parser.add_argument("--kind", choices=("dense", "tokens"), help="only these maps [both]")
    parser.add_argument("--alone", nargs=2, metavar=("METHOD", "CASE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        print(peak_alone(arguments.alone[0], Case(**json.loads(arguments.alone[1]))))
        return
    points, frames, channels = (20_000, 6, (64,)) if arguments.quick else (150_000, 50, (512, 768))
    rounds = 1 if arguments.quick else arguments.rounds
    room = make_room(points, frames)
    bandwidth = read_bandwidth()
    report: dict = {"read_bandwidth_gb_s": round(bandwidth / 1e9, 1), "cases": []}
    for kind in (arguments.kind,) if arguments.kind else ("dense", "tokens"):
        for count in channels:
            case = Case(kind, count, points, frames)
            print(f"{kind}, C = {count} ...", file=sys.stderr)
            rows = measure(case, room, rounds, bandwidth)
            report["cases"].append({**asdict(case), "methods": [asdict(row) for row in rows]})
            if not arguments.json:
                print_case(case, rows)
    if arguments.json:
        print(json.dumps(report, indent=2))
    else:
        print(f"One core reads {bandwidth / 1e9:.0f} GB/s. Goals: 60x (stretch 150x), 25x without numba, memory 6x.")


def measure(case: Case, room: Room, rounds: int, bandwidth: float) -> list[Row]:
    maps = make_maps(case, 2 if case.kind == "dense" else case.frames)
    methods: dict[str, Callable[[], PointFeatures]] = {PUBLISHED: lambda: run_published(case, room, maps)}
    for name in OURS:
        methods[name] = lambda name=name: run_ours(case, room, maps, name)
    few = Room(room.xyz[:2000], room.frames, room.depth)
    for name in OURS:  # import, compile
        run_ours(case, few, maps, name)
    cpu: dict[str, list[float]] = {name: [] for name in methods}
    wall: dict[str, list[float]] = {name: [] for name in methods}
    cosine = dict.fromkeys(methods, 1.0)
    for _ in range(rounds):
        results = {}
        for name, run in methods.items():
            started = time.process_time(), time.perf_counter()
            result = run()
            cpu[name].append(time.process_time() - started[0])
            wall[name].append(time.perf_counter() - started[1])
            results[name] = result if name == PUBLISHED else None
            if name != PUBLISHED:
                cosine[name] = min(cosine[name], least_cosine(result, results[PUBLISHED]))
    peak = {name: measure_peak(name, case) for name in methods}
    moved = must_move(case, room, result)
    return [
        Row(
            name,
            round(float(np.median(cpu[name])) / case.frames * 1e3, 2),
            round(float(np.median(wall[name])) / case.frames * 1e3, 2),
            round(median_ratio(cpu, name), 1),
            round(median_ratio(wall, name), 1),
            round(peak[name]),
            round(peak[PUBLISHED] / peak[name], 1),
            cosine[name],
            round(moved / case.frames / 1e6, 1),
            round(moved / bandwidth / float(np.median(wall[name])), 3),
        )
        for name in methods
    ]


def median_ratio(seconds: dict[str, list[float]], name: str) -> float:
    return float(np.median([a / b for a, b in zip(seconds[PUBLISHED], seconds[name], strict=True)]))


def run_ours(case: Case, room: Room, maps: list[NDArray[np.float16]], method: str) -> PointFeatures:
    """Order, visibility, fusion; by OpenScene's rules, so that the results can be compared."""
    space = EmbeddingSpace("bench", case.channels, "")
    xyz = room.xyz[morton_order(room.xyz)]
    seen = [
        correspond(xyz, frame, position, depth / np.float32(1000), VISIBILITY)
        for position, (frame, depth) in enumerate(zip(room.frames, room.depth, strict=True))
    ]
    sampling = "nearest" if case.kind == "dense" else "bilinear"
    arriving = ((i, FeatureMap(space, maps[i % len(maps)], sampling)) for i in range(len(room.frames)))  # type: ignore[arg-type]
    return fuse(arriving, seen, [CAMERA] * len(seen), len(xyz), space, FUSION, threads=1, **OURS[method])


def run_published(case: Case, room: Room, maps: list[NDArray[np.float16]]) -> PointFeatures:
    import torch
    from published_loop import fuse_dense, upsampled

    torch.set_num_threads(1)

    def arriving() -> Iterator[torch.Tensor]:
        for i in range(len(room.frames)):
            values = torch.from_numpy(maps[i % len(maps)])
            yield values.permute(2, 0, 1) if case.kind == "dense" else upsampled(values, CAMERA.height, CAMERA.width)

    xyz = room.xyz[morton_order(room.xyz)]
    vectors, covered = fuse_dense(xyz, room.frames, room.depth, arriving(), case.channels)
    index = np.flatnonzero(covered.numpy()).astype(np.int32)
    space = EmbeddingSpace("bench", case.channels, "")
    return PointFeatures(space, index, vectors.numpy()[index], np.ones(len(index), np.int32))


def make_maps(case: Case, count: int) -> list[NDArray[np.float16]]:
    """Random maps, filled a row at a time so that making them leaves no mark on the peak."""
    rng = np.random.default_rng(7)
    height, width = (CAMERA.height, CAMERA.width) if case.kind == "dense" else TOKENS
    maps = [np.empty((height, width, case.channels), np.float16) for _ in range(count)]
    for values in maps:
        for row in values:
            row[:] = rng.standard_normal(row.shape, np.float32)
    return maps


def least_cosine(ours: PointFeatures, published: PointFeatures | None) -> float:
    assert published is not None and np.array_equal(ours.point_index, published.point_index)
    least = 1.0
    for start in range(0, len(ours.point_index), 8192):
        a = ours.vectors[start : start + 8192].astype(np.float64)
        b = published.vectors[start : start + 8192].astype(np.float64)
        cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        least = min(least, float(cosine.min()))
    return round(least, 8)


def must_move(case: Case, room: Room, result: PointFeatures) -> float:
    """Bytes from and to memory that no arrangement avoids: each cell that is used once, each vector once."""
    cells = TOKENS[0] * TOKENS[1] * case.frames if case.kind == "tokens" else int(result.view_count.sum())
    return float((cells + len(result.point_index)) * case.channels * 2)


def read_bandwidth() -> float:
    """Bytes a second that one core reads from memory: the best of a few dot products."""
    values = np.ones(1 << 26, np.float32)
    best = 1e9
    for _ in range(5):
        started = time.perf_counter()
        np.dot(values, values)
        best = min(best, time.perf_counter() - started)
    return values.nbytes / best


def measure_peak(method: str, case: Case) -> float:
    command = [sys.executable, __file__, "--alone", method, json.dumps(asdict(case))]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def peak_alone(method: str, case: Case) -> float:
    """MB of this process at its largest, after fusing with one map that stands for all."""
    room = make_room(case.points, case.frames)
    maps = make_maps(case, 1)
    run_published(case, room, maps) if method == PUBLISHED else run_ours(case, room, maps, method)
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) / 1024


def print_case(case: Case, rows: list[Row]) -> None:
    print(f"\n{case.kind}: {case.points:,} points, {case.frames} frames, C = {case.channels}")
    print(f"{'':18}{'cpu ms/frame':>14}{'wall':>9}{'cpu ratio':>11}{'wall':>8}{'peak MB':>9}{'ratio':>7}"
          f"{'cosine':>13}{'bus':>7}")  # fmt: skip
    for row in rows:
        print(f"{row.method:18}{row.cpu_ms:14.2f}{row.wall_ms:9.2f}{row.cpu_ratio:10.1f}x{row.wall_ratio:7.1f}x"
              f"{row.peak_mb:9.0f}{row.memory_ratio:6.1f}x{row.least_cosine:13.8f}{row.bus_share:7.1%}")  # fmt: skip
    print(f"must move {rows[0].must_move_mb} MB a frame")


if __name__ == "__main__":
    if os.environ.get("OMP_NUM_THREADS") != "1":  # read when numpy and torch are loaded, so before this line
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OMP_NUM_THREADS": "1"})
    main()
