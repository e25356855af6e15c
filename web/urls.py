"""The URLs of what is served, and what the parts of their paths name."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from ..core import tilde
from ..core.errors import NotFound
from ..store.catalog import catalog
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database

API = "/api/v1"


def scene_page(prefix: str, dataset: str, scene: str, query: Mapping[str, str | Sequence[str]] | None = None) -> str:
    """The 3D view of a scene."""
    return f"{prefix}/scenes/{tilde.encode(dataset)}/{tilde.encode(scene)}" + _query(query)


def scene_api(prefix: str, dataset: str, scene: str, rest: str = "", **query: str | Sequence[str]) -> str:
    """What the API says of a scene; `rest` goes on."""
    return f"{prefix}{API}/scenes/{tilde.encode(dataset)}/{tilde.encode(scene)}{rest}" + _query(query)


def frame(prefix: str, scene: SceneInfo, name: str, what: str, **query: str) -> str:
    """A picture of a frame."""
    own = {**query, "v": version(scene)}
    return scene_api(prefix, scene.dataset, scene.name, f"/frames/{tilde.encode(name)}/{what}", **own)


def version(scene: SceneInfo) -> str:
    """What `v` of a URL is while the scene has this content: its images may be others under the same digest."""
    return f"{scene.content_digest[:12]}-{scene.id}"


def scene_of(store: Database, dataset: str, scene: str) -> SceneInfo:
    """What two parts of a path name."""
    return catalog.find_scene(store, tilde.decode(scene), tilde.decode(dataset))


def region_of(level: str, ordinal: int) -> str:
    """How a region is called within its scene."""
    if level not in ("object", "superpoint", "thing"):
        raise NotFound(f"{level!r} is no level: object, superpoint and thing are.")
    return f"{ordinal}@{level}"


def _query(query: Mapping[str, str | Sequence[str]] | None) -> str:
    return "?" + urlencode(query, doseq=True) if query else ""
