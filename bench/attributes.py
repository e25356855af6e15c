"""How well a search tells a red chair from a chair: colours and materials of things in generated rooms.

    python bench/attributes.py SCANS STORE      SCANS of `ovstore generate scannet`, ingested with `tiny` into STORE

For every kind, "a COLOUR KIND" is asked for each colour that one of the kind has somewhere, and for each that only
other kinds have. The best probability is held against what is there; likewise for materials.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import ovstore
from numpy.typing import NDArray
from ovstore.core.errors import UnknownWords

LEAST = 20  # points of what counts as present


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scans", type=Path)
    parser.add_argument("store")
    chosen = parser.parse_args()
    scenes = json.loads((chosen.scans / "truth.json").read_text(encoding="utf-8"))["scenes"]
    with ovstore.open(chosen.store) as store:
        for attribute in ("colour", "material"):
            true = defaultdict(set)
            for scene in scenes:
                for thing in scene["objects"]:
                    if thing[attribute] and thing["points"] >= LEAST:
                        true[thing["class"]].add(thing[attribute])
            every = sorted(set().union(*true.values()))
            present, absent, alone = [], [], []
            for kind, own in sorted(true.items()):
                alone.append(best(store, kind))
                for said in every:
                    try:
                        (present if said in own else absent).append(best(store, f"a {said} {kind}"))
                    except UnknownWords:
                        continue
            p, q = np.array(present), np.array(absent)
            print(
                f"{attribute}: {len(p)} true pairs, {(p >= 0.5).mean():.1%} called here; {len(q)} whose "
                f"{attribute} only other kinds have, {(q >= 0.5).mean():.1%} called here; AUROC {auroc(p, q):.1%}. "
                f"The {len(alone)} kinds by themselves: {(np.array(alone) >= 0.5).mean():.1%} called here"
            )


def best(store: ovstore.Store, words: str) -> float:
    """The best probability of ten hits."""
    return max((hit.probability or 0.0 for hit in ovstore.search(store, words)), default=0.0)


def auroc(above: NDArray[np.float64], below: NDArray[np.float64]) -> float:
    """The share of pairs in which the first is larger; ties count half."""
    return float(((above[:, None] > below).mean() + (above[:, None] >= below).mean()) / 2)


if __name__ == "__main__":
    main()
