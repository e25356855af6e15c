"""Search, region first, beside the published loop: time, what is found, and how far from what the memory bus allows.

    python bench/search.py            1,000,000 points in 50 scenes, C = 512 (about 10 minutes, 3 GB of disk)
    python bench/search.py --quick    the same in small, to see that it runs; its ratios mean nothing

The published loop answers a question by loading the vectors of every scene, normalising them, multiplying them with the
text's and ranking the points. Ours is the whole of `store.search`: database, index, boxes, evidence; "and masks" also
reads and scores the points of all ten hits. Files are in the page cache, runs alternate, one thread each (a scan of
more than 131,072 regions takes a second). CPU time includes PostgreSQL's; wall time depends on what else runs, and
more so where two processes talk.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from fusion import read_bandwidth
from numpy.typing import NDArray
from ovstore.core import plugins
from ovstore.core.features import Hit, Level, Query
from ovstore.store.postgres import database
from ovstore.store.postgres.database import Database
from ovstore.store.search import index_rows, recall, region_vectors, scoring
from ovstore.store.search.point_search import region_points
from ovstore.store.search.search import search
from vector_scenes import Size, VectorScene, World, publish_scene

FULL = Size(scenes=50, points=20_000, superpoints=2_000, objects=60, dim=512)
QUICK = Size(scenes=6, points=4_000, superpoints=400, objects=30, dim=128)
TOP, BEST_POINTS = 10, 1000
REACHES = (0.0, 0.35, 0.5, 1.0)
PUBLISHED = "published loop"


@dataclass(frozen=True)
class Row:
    """One way to answer, over all questions."""

    method: str
    p50_ms: float  # wall, a question
    p99_ms: float
    cpu_ms: float  # of this process and PostgreSQL's, mean
    wall_ratio: float  # published / this, medians
    cpu_ratio: float  # published / this, means
    same: float | None  # share of the ten best by exact search that are among the ten returned, mean over questions
    worst: float | None
    right: float | None  # share of the first hits that are of the kind asked for, as far as there are so many
    bound_ms: float  # reading the vectors that must be read, at the bandwidth measured


@dataclass(frozen=True)
class Reach:
    """What visiting superpoints in the order of score + reach * radius finds, until no bound beats the last hit."""

    reach: float
    recall: float  # of the best 1000 points, mean over questions
    worst: float
    scored: float  # share of all points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="24,000 points in 6 scenes, C = 128")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, default=5, help="runs of the published loop; the median counts [5]")
    parser.add_argument("--folder", type=Path, help="keep the data here and use it again [a temporary folder]")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = QUICK if arguments.quick else FULL
    with tempfile.TemporaryDirectory(prefix="ovstore-bench-") as temporary:
        folder = arguments.folder or Path(temporary)
        with database.open(folder / "store", create=True) as store:
            world = World(size)
            scenes = [world.scene(number) for number in range(size.scenes)]
            prepare(store, world, scenes, folder)
            report = measure(store, world, scenes, folder, 2 if arguments.quick else arguments.rounds)
    print(json.dumps(report, indent=2)) if arguments.json else print_report(report)


def prepare(store: Database, world: World, scenes: list[VectorScene], folder: Path) -> None:
    """Publish the scenes, build the index, and write what research code would: one .pt a scene."""
    with store.connect() as connection:
        published = set(connection.exec_driver_sql("SELECT name FROM scenes").scalars())
    for done, scene in enumerate(scenes, start=1):
        if scene.name not in published:
            publish_scene(store, world.space, scene)
            torch.save({"feat": torch.from_numpy(scene.vectors)}, folder / f"{scene.name}.pt")
        print(f"scene {done} of {len(scenes)}", end="\r" if done < len(scenes) else "\n", file=sys.stderr)
    for level in ("object", "superpoint"):
        plugins.load("store.search.indexes", "exact").update(store, 1, level)
    plugins.load("store.search.indexes", "faiss").build(store, 1, "superpoint")


def measure(store: Database, world: World, scenes: list[VectorScene], folder: Path, rounds: int) -> dict:
    kinds = questions(world, scenes)
    texts = world.texts[kinds]
    files = [folder / f"{scene.name}.pt" for scene in scenes]
    methods: dict[str, Callable[[NDArray[np.float32]], object]] = {
        PUBLISHED: lambda text: published_loop(files, text),
        "search objects": lambda text: ask(store, world, text, "object"),
        "search objects, and masks": lambda text: ask_masks(store, world, text),
        "search superpoints, exact": lambda text: ask(store, world, text, "superpoint", "exact"),
        "search superpoints, faiss": lambda text: ask(store, world, text, "superpoint", "faiss"),
    }
    wall: dict[str, list[float]] = {name: [] for name in methods}
    cpu = dict.fromkeys(methods, 0.0)
    for run in methods.values():  # compile, map, fill the page cache
        run(texts[0])
    for number in range(rounds):
        for name, run in methods.items():
            used = cpu_seconds(store)
            for text in texts[number : number + 1] if name == PUBLISHED else texts:
                started = time.perf_counter()
                run(text)
                wall[name].append(time.perf_counter() - started)
            cpu[name] += cpu_seconds(store) - used
    cpu = {name: seconds / len(wall[name]) for name, seconds in cpu.items()}
    bandwidth = read_bandwidth()
    table = region_vectors.current(store, 1, "superpoint")
    row_bytes = 2 * world.size.dim
    objects = len(region_vectors.current(store, 1, "object"))
    points = world.size.scenes * world.size.points
    [faiss] = index_rows.built(store)
    visited = len(table) * faiss.options["visited_lists"] // faiss.options["lists"] // 2  # one byte per number
    read = dict(zip(methods, (points, objects, objects + TOP * points // objects, len(table), visited), strict=True))
    plugin = plugins.load("store.search.indexes", "faiss")
    truth = recall.exact_scores_of(table, texts, TOP)
    of_faiss = recall.compare(truth, lambda text, n: plugin.search(store, 1, "superpoint", text, n), texts, TOP)
    of_objects, of_loop = object_shares(store, world, scenes, kinds)
    shares: dict[str, tuple[float | None, float | None, float | None]] = {
        PUBLISHED: (None, None, of_loop),
        "search objects": of_objects,
        "search objects, and masks": of_objects,
        "search superpoints, exact": (1.0, 1.0, None),
        "search superpoints, faiss": (of_faiss.mean, of_faiss.worst, None),
    }
    rows = [
        Row(
            name,
            *(round(1e3 * float(np.percentile(wall[name], share)), 3) for share in (50, 99)),
            round(1e3 * cpu[name], 3),
            round(float(np.median(wall[PUBLISHED]) / np.median(wall[name])), 1),
            round(cpu[PUBLISHED] / cpu[name], 1),
            *shares[name],
            round(1e3 * read[name] * row_bytes / bandwidth, 3),
        )
        for name in methods
    ]
    return {
        "points": points,
        "scenes": world.size.scenes,
        "dim": world.size.dim,
        "objects": objects,
        "superpoints": len(table),
        "questions": len(texts),
        "read_bandwidth_gb_s": round(bandwidth / 1e9, 1),
        "methods": [asdict(row) for row in rows],
        "reaches": [asdict(reach) for reach in reaches(store, scenes, texts)],
    }


def cpu_seconds(store: Database) -> float:
    """Of this process and of the server's processes that work for it."""
    with store.autocommit() as connection:
        mine = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        pids = connection.exec_driver_sql(mine).scalars().all()
    ticks = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in pids]
    return time.process_time() + sum(int(tick) for pair in ticks for tick in pair) / os.sysconf("SC_CLK_TCK")


def questions(world: World, scenes: list[VectorScene]) -> NDArray[np.intp]:
    """(<= 50,) the 25 rarest and the 25 commonest kinds that are there."""
    counts = np.bincount(np.concatenate([scene.kind_of_object for scene in scenes]), minlength=len(world.texts))
    there = np.argsort(counts, kind="stable")[(counts == 0).sum() :]
    return np.unique(np.r_[there[:25], there[-25:]])


def published_loop(files: list[Path], text: NDArray[np.float32]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of the best points, and which they are (scene * 2**32 + point)."""
    query = torch.from_numpy(text)
    scores, places = [], []
    for number, file in enumerate(files):
        vectors = torch.load(file, weights_only=True)["feat"].float()
        vectors = vectors / (vectors.norm(dim=-1, keepdim=True) + 1e-5)
        best = (vectors @ query).topk(min(BEST_POINTS, len(vectors)))
        scores.append(best.values)
        places.append(best.indices + (number << 32))
    best = torch.cat(scores).topk(BEST_POINTS)
    return best.values, torch.cat(places)[best.indices]


def ask(store: Database, world: World, text: NDArray[np.float32], level: Level, index: str | None = None) -> list[Hit]:
    return search(store, Query(text, world.space, TOP, level, background=world.texts[:40]), index)


def ask_masks(store: Database, world: World, text: NDArray[np.float32]) -> object:
    return region_points(store, [hit.region for hit in ask(store, world, text, "object")], Query(text, world.space))


def object_shares(
    store: Database, world: World, scenes: list[VectorScene], kinds: NDArray[np.intp]
) -> tuple[tuple[float, float, float], float]:
    """same, worst and right of the search for objects, and right of the loop.

    The loop's answer in objects: those whose points, every one of them scored, are best on average.
    """
    names, means, kind_of = [], [], {}
    texts = world.texts[kinds]
    for scene in scenes:
        of_object = scene.object_of_superpoint[scene.superpoint]
        ordinals, first, counts = np.unique(of_object, return_index=True, return_counts=True)
        means.append(np.add.reduceat(scene.vectors.astype(np.float32) @ texts.T, first) / counts[:, None])
        names += [(scene.name, int(ordinal)) for ordinal in ordinals]
        kind_of |= {(scene.name, int(ordinal)): scene.kind_of_object[ordinal] for ordinal in ordinals}
    with store.connect() as connection:
        rows = connection.exec_driver_sql("SELECT region, scene, ordinal FROM region_overview WHERE level = 'object'")
        name_of = {region: (scene, ordinal) for region, scene, ordinal in rows}
    same, right, loop_right = [], [], []
    for kind, scores in zip(kinds, np.concatenate(means).T, strict=True):
        true = [names[row] for row in np.argsort(-scores, kind="stable")[:TOP]]
        found = [name_of[hit.region] for hit in ask(store, world, world.texts[kind], "object")]
        there = min(TOP, sum(other == kind for other in kind_of.values()))
        same.append(len(set(true) & set(found)) / TOP)
        right.append(sum(kind_of[name] == kind for name in found[:there]) / there)
        loop_right.append(sum(kind_of[name] == kind for name in true[:there]) / there)
    return (float(np.mean(same)), float(np.min(same)), float(np.mean(right))), float(np.mean(loop_right))


def reaches(store: Database, scenes: list[VectorScene], texts: NDArray[np.float32]) -> list[Reach]:
    """What visiting superpoints by their bounds finds of the best points of all scenes, and how many points it scores.

    No point scores more than its region's score + radius: a reach of 1 is exact.
    """
    with store.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT radius FROM regions WHERE level = 'superpoint' ORDER BY feature_set_id, ordinal"
        )
        radius = np.array([row[0] for row in rows], np.float32)
    table = region_vectors.current(store, 1, "superpoint")
    sizes = np.concatenate([np.bincount(scene.superpoint) for scene in scenes])
    first = np.r_[0, np.cumsum(sizes)]
    shares: dict[float, list[tuple[float, float]]] = {reach: [] for reach in REACHES}
    for text in texts[:: max(1, len(texts) // 20)]:
        points = np.concatenate([scoring.scan(scene.vectors, text) for scene in scenes])
        true = np.partition(points, -BEST_POINTS)[-BEST_POINTS]
        mean = scoring.scan(table.vectors, text)
        for reach in REACHES:
            shares[reach].append(_visit(points, true, mean + reach * radius, first))
    return [
        Reach(reach, *(round(float(share), 4) for share in (np.mean(found), np.min(found), np.mean(scored))))
        for reach, (found, scored) in ((reach, zip(*pairs, strict=True)) for reach, pairs in shares.items())
    ]


def _visit(
    points: NDArray[np.float32], true: np.float32, bound: NDArray[np.float32], first: NDArray[np.intp]
) -> tuple[float, float]:
    """Share of the best points found, and share of all points scored, before no bound beats the last of the best."""
    order, seen, best, scored = np.argsort(-bound), 0, np.empty(0, np.float32), 0
    while seen < len(order):
        visited = order[seen : seen + 200]
        rows = np.concatenate([np.arange(first[region], first[region + 1]) for region in visited])
        best = np.sort(np.concatenate([best, points[rows]]))[-BEST_POINTS:]
        seen, scored = seen + len(visited), scored + len(rows)
        if len(best) == BEST_POINTS and seen < len(order) and best[0] >= bound[order[seen]]:
            break
    return float((best >= true).sum()) / BEST_POINTS, scored / len(points)


def print_report(report: dict) -> None:
    print("{points:,} points in {scenes} scenes, C = {dim}; {superpoints:,} superpoints, {objects:,} objects; "
          "{questions} questions; one core reads {read_bandwidth_gb_s} GB/s".format(**report))  # fmt: skip
    print(f"{'':28}{'p50 ms':>10}{'p99 ms':>10}{'cpu ms':>10}{'ratio':>9}{'of cpu':>9}"
          f"{'same':>8}{'worst':>8}{'right':>8}{'bus ms':>8}")  # fmt: skip
    for row in report["methods"]:
        shares = "".join(f"{'' if row[key] is None else f'{row[key]:.1%}':>8}" for key in ("same", "worst", "right"))
        print(f"{row['method']:28}{row['p50_ms']:10.2f}{row['p99_ms']:10.2f}{row['cpu_ms']:10.2f}{row['wall_ratio']:8.1f}x"
              f"{row['cpu_ratio']:8.1f}x{shares}{row['bound_ms']:8.2f}")  # fmt: skip
    print(f"\nthe best {BEST_POINTS} points, by the bounds of superpoints")
    for reach in report["reaches"]:
        shares = f"recall {reach['recall']:7.2%}   worst {reach['worst']:7.2%}   points scored {reach['scored']:6.1%}"
        print(f"reach {reach['reach']:4.2f}   {shares}")
    print(
        "\nsame: of the ten that exact search over all points (or regions) ranks first; right: of the kind asked for\n"
        "Goal: objects at least 1000 times faster than the loop, and 99 % as right."
    )


if __name__ == "__main__":
    main()
