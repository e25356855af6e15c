"""`ovstore.open` and `ovstore.Store`: an open database with handles to what it holds, for people who write Python."""

from pathlib import Path
from typing import Any

import pyarrow as pa

from ..core.annotated import checked
from ..core.features import EmbeddingSpace
from ..core.once import State
from ..core.paging import Page
from ..query.question import target_of
from ..query.scene_scores import scene_scores
from ..query.search import search
from ..store.catalog import catalog, handles
from ..store.catalog.catalog import FeatureKind, SceneOrder
from ..store.catalog.changes import Changes, changes
from ..store.catalog.handles import FeatureSetHandle, Rows, SceneHandle
from ..store.files.stored_points import Order
from ..store.postgres import database
from ..store.postgres.database import Database


class Store(Database):
    """An open store. Safe to share between threads and to inherit by fork; other processes open it by its path."""

    @checked
    def scenes(
        self,
        dataset: str | None = None,
        split: str | None = None,
        order: Order = "scan",
        *,
        sort: SceneOrder = "name",
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[SceneHandle]:
        """All scenes, or those of one dataset or split, by dataset and name, or the newest or largest first.

        With `limit` a page of them, whose `next` is the `after` of the following one.
        """
        return handles.scene_handles(self, dataset, split, order, sort=sort, after=after, limit=limit)

    def changes(self) -> Changes:
        """Two numbers that stay while nothing changes: of what the store holds, and of its jobs. Cheap to ask often."""
        return changes(self)

    @checked
    def scene(self, name: str, order: Order = "scan") -> SceneHandle:
        """The scene called "scene" or "dataset/scene"; its arrays follow `order`, see docs/python.md."""
        return handles.scene_handle(self, name, order)

    def features(self) -> list[FeatureKind]:
        """What can be asked: names and spaces of feature sets, the kind that covers most scenes first."""
        return catalog.feature_kinds(self)

    @checked
    def feature_sets(self, name: str | None = None) -> list[FeatureSetHandle]:
        """Those of that name, or all, by scene and name."""
        scenes = {scene.info.id: scene for scene in self.scenes()}
        found = catalog.feature_sets(self)
        return [FeatureSetHandle(scenes[one.scene_id], one) for one in found if name in (None, one.name)]

    search = search

    scene_scores = scene_scores

    @checked
    def warm(self, features: str | None = None) -> None:
        """Load the network that encodes words for feature sets of that name, so that the first question need not wait.

        Threads that ask meanwhile wait for it; it is loaded once.
        """
        target_of(self, features).encoder.warm()

    @checked
    def encoder_state(self, features: str | None = None) -> State:
        """How far that network is: "cold", "warming" or "ready". Loads nothing."""
        return target_of(self, features).encoder.state()

    @checked
    def add_features(
        self,
        scene: str | SceneHandle,
        name: str,
        vectors: Any,
        space: EmbeddingSpace | str,
        *,
        rows: Rows | None = None,
        encoder_options: dict[str, Any] | None = None,
        again: bool = False,
    ) -> FeatureSetHandle:
        """Publish vectors that were computed elsewhere as a feature set; see workflows/add_features.py."""
        from .add_features import add_features

        return add_features(self, scene, name, vectors, space, rows=rows, encoder_options=encoder_options, again=again)

    @checked
    def sql(self, statement: str, *, features: str | None = None, files: bool = False) -> pa.Table:
        """The rows of one SELECT as an Arrow table; its `.to_pandas()` needs pandas.

        As `ovstore sql`: over tables and views, or over the Parquet files with `files`; {text:a red chair} stands for a
        vector, by the encoder of `features`.
        """
        from ..query import sql, tables
        from ..query.rows import Limits

        limits = Limits()
        with sql.opened(self, statement, features, files=files, limits=limits) as found:
            return tables.arrow_table(found, limits)


@checked
def open(
    path: str | Path | None = None,
    *,
    database_url: str | None = None,
    create: bool = False,
    check: bool = True,
    read_only: bool = False,
) -> Store:
    """Open the store in folder `path`; with `create`, make one where there is none.

    Left out, `path` and `database_url` come from the settings and OVSTORE_DATABASE_URL; without a URL the folder
    carries its own database. An empty database gets today's schema, an older or newer one is refused; without `check`
    the schema is taken as it is. With `read_only` the database runs a role that cannot write, nothing is kept of
    questions, and what would change the store raises ReadOnlyStore; see docs/python.md.
    """
    return database.open_as(Store, path, database_url=database_url, create=create, check=check, read_only=read_only)
