"""`ovstore.view`: the 3D view of a scene in a notebook."""

from collections.abc import Sequence
from typing import Any

from ..core import plugins
from ..core.annotated import checked, several
from ..store.postgres.database import Database


@checked
def view(store: Database, scene: str, query: str | Sequence[str] = (), *, features: str | None = None) -> Any:
    """A scene to look at and to ask in a notebook, without a port: its data go through the kernel.

        shown = ovstore.view(store, "scene0003_00", query="chair")
        shown                       # the last line of a cell shows it
        shown.query = "lamp"        # the view follows, and so do shown.hits and shown.selected the other way

    Up to six queries have a colour each. MissingPackage without the extra 'notebook'; NotFound where there is no such
    scene or feature set, UnknownWords for words that its encoder cannot read.
    """
    plugins.optional("anywidget", "ovstore.view")
    from .widget import SceneView

    return SceneView(store, scene, several(query), features)
