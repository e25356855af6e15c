"""The network that encodes words, loaded in the background while the store is looked at already."""

import logging
import threading
from collections.abc import Sequence
from typing import Literal

from ..core.errors import OvstoreError
from ..query.question import AskedFeatures, target_of
from ..store.catalog import catalog
from ..workflows.open_store import Store
from .problems import Problem

log = logging.getLogger(__name__)


class Words:
    """Whether words can be asked with yet."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed: dict[str, OvstoreError] = {}
        self._started: set[str] = set()
        self._lock = threading.Lock()

    def warm(self) -> None:
        """Begin to load what words of each kind of features need; answers at once."""
        for kind in catalog.feature_kinds(self._store):
            self._start(kind.name)

    def state(self, features: str) -> Literal["ready", "warming", "cold", "failed"]:
        """ "ready", "warming", "cold", or "failed" where words cannot be asked with."""
        if features in self._failed:
            return "failed"
        return target_of(self._store, features).encoder.state()

    def require(self, features: str | None, texts: Sequence[str]) -> AskedFeatures:
        """The features that are asked; a problem that says when to ask again while their network loads.

        Texts that were asked before need no network.
        """
        target = target_of(self._store, features)
        if texts and target.encoder.state() != "ready" and target.features not in self._failed:
            self._start(target.features)
            if target.encoder.state() != "ready" and not target.encoder.knows(texts):
                said = f"The network that reads words for {target.features!r} is still loading: ask again."
                raise Problem(503, "warming", said, headers={"Retry-After": "2"})
        return target

    def _start(self, features: str) -> None:
        with self._lock:
            if features in self._started:
                return
            self._started.add(features)
        threading.Thread(target=self._load, args=(features,), name=f"warm {features}", daemon=True).start()

    def _load(self, features: str) -> None:
        try:
            target_of(self._store, features).encoder.warm()
        except OvstoreError as error:
            self._failed[features] = error
            log.warning("Words cannot be asked of %s: %s", features, error)
