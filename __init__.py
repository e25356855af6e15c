"""ovstore: a database of 3D scenes that can be queried with words, images and SQL.

    import ovstore
    store = ovstore.open("my-store")
    for hit in ovstore.search(store, "snoopy"):
        print(hit.scene, hit.region, hit.score)

Importing this package is cheap; databases, networks and indexes load when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"

# Public name -> the module (relative) that defines it, with ":NAME" where it has another one there; loaded on first
# use so that `import ovstore` stays light.
_PUBLIC = {
    "open": ".workflows.open_store",
    "Store": ".workflows.open_store",
    "SceneHandle": ".store.catalog.handles",
    "FeatureSetHandle": ".store.catalog.handles",
    "search": ".query.search",
    "scene_scores": ".query.scene_scores",
    "SceneScores": ".store.search.scene_scores",
    "Question": ".query.question",
    "evaluate_points": ".workflows.evaluate_points",
    "evaluate_instances": ".workflows.evaluate_instances",
    "evaluate_retrieval": ".workflows.evaluate_retrieval",
    "ingest_scans": ".workflows.ingest",
    "describe_objects": ".workflows.describe",
    "extract_features": ".workflows.extract",
    "distill": ".workflows.distill",
    "SceneDataset": ".ingest.training.scene_dataset",
    "heat_map": ".workflows.heat_map",
    "export": ".workflows.export",
    "segment": ".workflows.segment",
    "view": ".web.notebook",
    "contact_sheet": ".drawing.contact_sheet",
    "Query": ".core.features",
    "Hit": ".core.features",
    "Answer": ".core.features",
    "Camera": ".core.scene",
    "Frame": ".core.scene",
    "PointCloud": ".core.scene",
    "Scene": ".core.scene",
    "EmbeddingSpace": ".core.features",
    "OvstoreError": ".core.errors",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'ovstore' has no attribute {name!r}")
    module, _, own_name = _PUBLIC[name].partition(":")
    return getattr(import_module(module, __name__), own_name or name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
