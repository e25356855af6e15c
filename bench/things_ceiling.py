"""What a simulated encoder of ovstore-bench-2 allows: every thing of the rooms with the mean vector of its true points.

    python bench/things_ceiling.py STORE FOLDER/bench2 simulated-moderate [HOUSES]

No merging, no superpoint, no tree is at fault here: what is missed is missing in the vectors. Ranked and weighed as a
search does, without the score of a seed and the size.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import ovstore
from ovstore.core.features import Query
from ovstore.evaluation.retrieval.collection import collect
from ovstore.evaluation.retrieval.ranking import auroc
from ovstore.evaluation.scenes import select
from ovstore.evaluation.things.bench_files import read_bench
from ovstore.query.encode import encoder_of, in_box, unit
from ovstore.store.catalog import catalog
from ovstore.store.search.probability import probabilities


def main(store_folder: str, bench_folder: str, features: str, houses: str = "9") -> None:
    bench = read_bench(Path(bench_folder))
    asked, right = Counter[str](), Counter[str]()
    best: dict[bool, list[float]] = {True: [], False: []}
    with ovstore.open(store_folder) as store:
        found = collect(store, select(store, None, ()), features)
        encoder = encoder_of(found.sets[0].recipe, found.space, store=store)
        place = {scene.name: number for number, scene in enumerate(found.scenes)}
        for number, house in enumerate(bench.houses[: int(houses)]):
            if not place.keys() >= set(house.scenes):
                continue
            vectors, scenes = [], []
            for name in house.scenes:
                scene, features_of = found.scenes[place[name]], found.sets[place[name]]
                stored = catalog.features_file(store, features_of).read()
                things = catalog.load_points(store, scene.id).points.instances
                assert things is not None
                own = things[stored.point_index]
                for thing in np.unique(own[own >= 0]):
                    if (own == thing).sum() >= 5:
                        rows = stored.vectors[own == thing].astype(np.float32)
                        vectors.append(unit((rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)))
                        scenes.append(name)
            pooled = np.stack(vectors)

            for kind in (*house.held, *house.absent):
                word = encoder.texts([kind])[0]
                query = Query(word, found.space, background=encoder.background())
                chance = np.array(probabilities(pooled.astype(np.float16), query), dtype=float)
                best[kind in house.held].append(chance.max())
                if kind not in house.held:
                    continue
                fit = pooled @ word + 3 * np.log(np.maximum(chance, 1e-30)) / found.space.logit_scale
                asked["name"] += 1
                right["name"] += scenes[int(fit.argmax())] == house.held[kind]
                for by, picture in (
                    ("same room", bench.pictures[house.held[kind]]),
                    ("other room", bench.picture_from_elsewhere(number, kind)),
                ):
                    if picture is None or picture.box_xyxy is None:
                        continue
                    level = features.removeprefix("simulated-")
                    cells = np.load(bench.folder / "simulated" / level / "queries" / f"{picture.path.stem}.npy")
                    cells = in_box(cells.astype(np.float32), picture.box_xyxy, 320, 240)
                    vector = unit(cells.reshape(-1, cells.shape[-1]).mean(axis=0))
                    asked[by] += 1
                    right[by] += scenes[int((pooled @ vector).argmax())] == house.held[kind]
    for by, count in asked.items():
        print(f"{by}: R@1 {100 * right[by] / count:.1f} % of {count}")
    print(f"absent called here {100 * np.mean(np.array(best[False]) >= 0.5):.1f} % of {len(best[False])}")
    print(f"needles called here {100 * np.mean(np.array(best[True]) >= 0.5):.1f} %")
    print(f"AUROC needles / absent {100 * auroc(best[True], best[False]):.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
