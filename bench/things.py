"""What a search finds in generated rooms, things beside stored objects: what is right, how it fits, what it believes.

    python bench/things.py STORE                   a store of `ovstore ingest scannet` over `ovstore generate scannet`
    python bench/things.py STORE --features tiny

Every name that some room holds is asked of all rooms. Then, in halves of the rooms, every name is asked again, and the
first hit's probability is held against what is there: names with at least 20 points in the half count as present.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import ovstore
from numpy.typing import NDArray
from ovstore.core.features import Answer, Hit
from ovstore.evaluation.things.measures import QuestionFigures, SceneTruth, question_figures, scene_truth
from ovstore.query.question import target_of

LEAST = 20  # points of what counts as present
BINS = (0, 0.1, 0.2, 0.4, 0.6, 0.8, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store")
    parser.add_argument("--features")
    chosen = parser.parse_args()
    with ovstore.open(chosen.store) as store:
        truths, owners = {}, {}
        for scene in store.scenes():
            cloud = scene.points()
            names = {one: cloud.label_names[cloud.labels[cloud.instances == one][0]] for one in _instances(cloud)}
            place = {one: number for number, one in enumerate(names)}
            thing = np.array([place.get(one, -1) for one in cloud.instances.tolist()])
            owners[scene.full_name] = scene.features(chosen.features).region_of_points("superpoint")
            truths[scene.full_name] = scene_truth(owners[scene.full_name], thing, list(names.values()))
        held = sorted({name for truth in truths.values() for name in truth.name})
        for title, options in (("things", {}), ("stored objects", {"ungrouped": True})):
            found, milliseconds = [], []
            for name in held:
                started = time.process_time()
                answer = ovstore.search(store, name, features=chosen.features, **options)  # type: ignore[arg-type]
                milliseconds.append((time.process_time() - started) * 1000)
                found.append(question_figures([_superpoints(hit, owners) for hit in answer], truths, name))
            print_figures(title, found, milliseconds)
            halves = _halves(list(truths))
            every = target_of(store, chosen.features).encoder.everyday
            print_belief(
                truths, halves, every,
                lambda name, scenes, options=options: ovstore.search(
                    store, name, features=chosen.features, scenes=scenes, top=10, **options
                ),
                owners,
            )  # fmt: skip


def _instances(cloud: ovstore.PointCloud) -> list[int]:
    assert cloud.labels is not None and cloud.instances is not None
    return [
        one for one in np.unique(cloud.instances).tolist() if one >= 0 and cloud.labels[cloud.instances == one][0] >= 0
    ]


def _superpoints(hit: Hit, owners: dict[str, NDArray[np.int32]]) -> tuple[str, Sequence[int]]:
    scene = f"{hit.dataset}/{hit.scene}"
    return scene, hit.superpoints or np.unique(owners[scene][hit.mask]).tolist()


def _halves(scenes: list[str]) -> list[list[str]]:
    half = (len(scenes) + 1) // 2
    return [scenes[:half], scenes[half:]]


def print_figures(title: str, found: Sequence[QuestionFigures], milliseconds: Sequence[float]) -> None:
    """One line for all questions."""
    right = [one for one in found if one.right]
    print(
        f"{title}: {len(found)} names, R@1 {np.mean([one.right for one in found]):.1%}, "
        f"mask IoU {np.mean([one.iou for one in found]):.1%}, "
        f"IoU >= .5 {np.mean([one.iou >= 0.5 for one in found]):.1%} of all and "
        f"{np.mean([one.iou >= 0.5 for one in right]):.1%} of right first hits, "
        f"AP25 {np.mean([one.ap[0] for one in found]):.1%}, AP50 {np.mean([one.ap[1] for one in found]):.1%}, "
        f"twice {np.mean([one.twice for one in found]):.2f} (any {np.mean([one.twice_any for one in found]):.2f}), "
        f"merged first hits {np.mean([one.merged for one in found]):.1%} (first ten "
        f"{np.mean([one.merged_share for one in found]):.1%}), {np.median(milliseconds):.1f} ms CPU per question"
    )


def print_belief(
    truths: dict[str, SceneTruth],
    halves: Sequence[list[str]],
    names: Sequence[str],
    ask: Callable[[str, list[str]], Answer],
    owners: dict[str, NDArray[np.int32]],
) -> None:
    """How far the probability of the best hit can be trusted."""
    chance, present, right = [], [], []
    for scenes in halves:
        for name in names:
            points = sum(int(truths[one].size[[own == name for own in truths[one].name]].sum()) for one in scenes)
            if 0 < points < LEAST:
                continue
            hits = sorted(ask(name, scenes), key=lambda hit: -(hit.probability or 0))
            if not hits:
                continue
            figures = question_figures([_superpoints(hits[0], owners)], truths, name)
            chance.append(hits[0].probability or 0.0)
            present.append(points > 0)
            right.append(figures.right)
    p, here, hit = np.array(chance), np.array(present), np.array(right)
    print(
        f"  {here.sum()} present, {(~here).sum()} absent names in halves of the rooms: said to be here "
        f"{(p[here] >= 0.5).mean():.1%} / {(p[~here] >= 0.5).mean():.1%}; AUROC present against absent "
        f"{_auroc(p[here], p[~here]):.3f}, right first hits against absent {_auroc(p[here & hit], p[~here]):.3f}"
    )
    for low, high in pairwise(BINS):
        inside = (p >= low) & ((p < high) | (high == 1))
        if inside.any():
            said, true = p[inside].mean(), hit[inside].mean()
            print(f"  p {low:.1f} to {high:.1f}: says {said:.2f}, right {true:.2f} ({inside.sum()})")


def _auroc(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """The share of pairs in which the first is larger; ties count half."""
    if not len(above) or not len(below):
        return float("nan")
    return float(((above[:, None] > below).mean() + (above[:, None] >= below).mean()) / 2)


if __name__ == "__main__":
    main()
