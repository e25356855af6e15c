"""What ovstore-bench-2 allows a search at best: its needles, asked of things whose points are known from the truth.

    python bench/ceiling.py BENCH STORE                    every feature set that the store has of these rooms
    python bench/ceiling.py BENCH STORE --houses 3

Every thing of a house is the mean of the stored vectors of its own points. It is ranked as things are (score and
probability, without the seed of a climb), so what is missed here is missed by the encoder and the fusion: no mask
could mend it.
"""

import argparse
from pathlib import Path

import numpy as np
import ovstore
from numpy.typing import NDArray
from ovstore.core.errors import UnknownWords
from ovstore.core.features import Query
from ovstore.evaluation.things.bench_files import Bench, read_bench
from ovstore.query import rivals
from ovstore.query.question import target_of
from ovstore.store.search.probability import probabilities

FEWEST = 20  # points that a thing needs to be asked for, as in the benchmark


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("store")
    parser.add_argument("--houses", type=int)
    chosen = parser.parse_args()
    bench = read_bench(chosen.bench)
    with ovstore.open(chosen.store) as store:
        names = sorted({each.name for scene in store.scenes() for each in scene.feature_sets})
        for features in names:
            target = target_of(store, features)
            asked, present, absent = [], [], []
            for house in bench.houses[: chosen.houses]:
                vectors, label, points = things_of(store, bench, house.scenes, features)
                for name in (*house.held, *house.absent):
                    if features == "tiny" and name in bench.untaught:
                        continue
                    try:
                        vector = target.encoder.texts([name])[0]
                    except UnknownWords:
                        continue
                    query = Query(
                        vector, target.space, background=rivals.everyday(target.encoder, name),
                        rivals=rivals.in_other_colours(target.encoder, name), feature_set=features,
                    )  # fmt: skip
                    chance = np.array(probabilities(vectors.astype(np.float16), query), float)
                    fit = vectors @ vector + 3 * np.log(np.maximum(chance, 1e-30)) / target.space.logit_scale
                    if name in house.held:
                        own = label == name
                        if not own.any():
                            continue
                        asked.append((own[fit.argmax()], points[own].max()))
                        present.append(chance.max())
                    else:
                        absent.append(chance.max())
            right, size = (np.array(column) for column in zip(*asked, strict=True))
            p, q = np.array(present), np.array(absent)
            print(
                f"{features}: {len(right)} needles with {FEWEST} points or more, R@1 {right.mean():.1%} "
                f"(up to 50 points {right[size <= 50].mean():.1%}, 51 to 200 "
                f"{right[(size > 50) & (size <= 200)].mean():.1%}, over 200 {right[size > 200].mean():.1%}); "
                f"present {(p >= 0.5).mean():.1%} and absent {(q >= 0.5).mean():.1%} called here, AUROC "
                f"{auroc(p, q):.1%}, right ones against absent {auroc(p[right], q):.1%}"
            )


def things_of(
    store: ovstore.Store, bench: Bench, scenes: tuple[str, ...], features: str
) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.int64]]:
    """(T, C) the mean directions of all things of some scenes, (T,) what they are called, (T,) their points."""
    vectors, label, points = [], [], []
    for name in scenes:
        scene = store.scene(name)
        cloud, held = scene.points(), scene.features(features).vectors().astype(np.float32)
        assert cloud.instances is not None
        seen = np.isfinite(held[:, 0])
        for thing in np.unique(cloud.instances[cloud.instances >= 0]).tolist():
            own = cloud.instances == thing
            if own.sum() >= FEWEST and (own & seen).any():
                mean = held[own & seen].mean(axis=0)
                vectors.append(mean / np.linalg.norm(mean))
                label.append(str(bench.objects[name][thing]["class"]))
                points.append(int(own.sum()))
    return np.stack(vectors), np.array(label), np.array(points)


def auroc(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """The share of pairs in which the first is larger; ties count half."""
    return float(((above[:, None] > below).mean() + (above[:, None] >= below).mean()) / 2)


if __name__ == "__main__":
    main()
