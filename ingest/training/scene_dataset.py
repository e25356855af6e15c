"""Stored scenes and their vectors as a torch `Dataset`: one item per scene."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ...core.annotated import checked, several
from ...core.errors import NotFound
from ...store.catalog import catalog
from ...store.postgres.database import Database


class SceneDataset(Dataset[dict[str, str | Tensor]]):
    """The scenes that have the features `features` (without a name: those most scenes have), by dataset and name.

        loader = DataLoader(ovstore.SceneDataset(store, split="train"), batch_size=None, shuffle=True, num_workers=2)

    An item is a dict, its points in the order of the scan:

        scene        "DATASET/NAME"
        xyz          (N, 3) float32, metres
        rgb          (N, 3) uint8, where the scan has colours
        labels       (N,) int64, where the scan has labels; -1 for points without one
        point_index  (M,) int64, ascending rows of the points that have a vector
        vectors      (M, dim) float16

    Files are found when it is made and read when an item is asked for, so it pickles and works in any worker process;
    no database is asked again. NotFound for a name that is none, and where no scene is left; BadInput for an item
    whose files were replaced in the meantime: make the dataset anew.
    """

    @checked
    def __init__(
        self,
        store: Database,
        features: str | None = None,
        *,
        datasets: str | Sequence[str] = (),
        scenes: str | Sequence[str] = (),
        split: str | None = None,
    ) -> None:
        self.features = catalog.feature_kind(store, features).name
        chosen = catalog.chosen_scenes(store, several(datasets), several(scenes))
        held = [scene for scene in chosen if split in (None, scene.split) and self.features in scene.features]
        if not held:
            raise NotFound(
                f"None of {len(chosen)} scenes has features {self.features!r}"
                + ("." if split is None else f" and is in split {split!r}.")
            )
        self.scenes = tuple(scene.full_name for scene in held)
        self._files = tuple(
            (
                catalog.points_file(store, scene),
                catalog.features_file(store, catalog.find_feature_set(store, scene, self.features)),
            )
            for scene in held
        )

    def __len__(self) -> int:
        return len(self.scenes)

    def __getitem__(self, position: int) -> dict[str, str | Tensor]:
        points_file, features_file = self._files[position]
        held = points_file.read()
        points, found = held.in_scan_order(), held.features_to_scan(features_file.read())
        item: dict[str, str | Tensor] = {
            "scene": self.scenes[position],
            "xyz": torch.from_numpy(points.xyz.astype(np.float32)),
            "point_index": torch.from_numpy(found.point_index.astype(np.int64)),
            "vectors": torch.from_numpy(found.vectors),
        }
        if points.rgb is not None:
            item["rgb"] = torch.from_numpy(points.rgb)
        if points.labels is not None:
            item["labels"] = torch.from_numpy(points.labels.astype(np.int64))
        return item
