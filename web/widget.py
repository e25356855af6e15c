"""The widget of a notebook: traits that the view follows, and a kernel that answers what the view asks."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from ..core.errors import BadInput, NotFound, OvstoreError, UnknownWords
from ..drawing.clouds import scene_drawing
from ..query.question import Question
from ..query.relations.grammar import parse
from ..query.scene_scores import scene_scores
from ..query.search import search
from ..store.catalog import catalog, region_names
from ..store.postgres.database import Database
from ..store.search.scene_scores import SceneScores
from ..workflows.show import evidence_of
from . import scene_values
from .scene_values import Plain

_MOST_POINTS = 1_000_000  # of larger scenes the coarser levels come along
_MOST_QUERIES = 6
_HITS = 10


class SceneView(anywidget.AnyWidget):
    """A scene in 3D; made by `ovstore.view`."""

    _esm = Path(__file__).parent / "static" / "widget.js"

    query = traitlets.Unicode()  # the first of `queries`
    queries = traitlets.List(traitlets.Unicode()).tag(sync=True)
    selected = traitlets.Unicode().tag(sync=True)  # ORDINAL@LEVEL
    hits: traitlets.List[Any] = traitlets.List().tag(sync=True)  # of the latest question: name, score, place ...
    camera = traitlets.Dict().tag(sync=True)  # {"eye": [x, y, z], "at": [x, y, z]}

    dataset = traitlets.Unicode().tag(sync=True)
    scene = traitlets.Unicode().tag(sync=True)
    features = traitlets.Unicode().tag(sync=True)
    manifest = traitlets.Dict().tag(sync=True)
    points = traitlets.Bytes().tag(sync=True)
    mesh = traitlets.Bytes().tag(sync=True)

    def __init__(self, store: Database, scene: str, queries: Sequence[str] = (), features: str | None = None) -> None:
        self._store = store
        self._scene = catalog.find_scene(store, scene)
        self._held = scene_values.usual_features(store, self._scene, features)
        if queries and self._held is not None:  # so that a word that is none is told here, and not in the cell
            scene_scores(store, list(queries), self._scene.full_name, features=self._held.name)
        manifest, points, mesh = scene_values.geometry(store, self._scene, _MOST_POINTS)
        super().__init__(
            queries=list(queries),
            dataset=self._scene.dataset,
            scene=self._scene.name,
            features="" if self._held is None else self._held.name,
            manifest=manifest,
            points=points,
            mesh=mesh,
        )
        self.on_msg(self._told)

    @traitlets.validate("queries")
    def _few(self, proposal: Mapping[str, Any]) -> list[str]:
        asked = [words for words in proposal["value"] if words.strip()]
        if len(asked) > _MOST_QUERIES:
            raise traitlets.TraitError(f"{len(asked)} queries were given; at most {_MOST_QUERIES} are drawn at once.")
        return asked

    @traitlets.observe("queries")
    def _first(self, change: Mapping[str, Any]) -> None:
        self.query = change["new"][0] if change["new"] else ""

    @traitlets.observe("query")
    def _only(self, change: Mapping[str, Any]) -> None:
        if change["new"] != (self.queries[0] if self.queries else ""):
            self.queries = [change["new"]] if change["new"].strip() else []

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and for programs that show none a drawing."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["image/jpeg"] = self._drawing
        return bundle

    @cached_property
    def _drawing(self) -> str:
        file = io.BytesIO()
        scene_drawing(self._store, self._scene.full_name).picture().convert("RGB").save(file, "JPEG", quality=85)
        return base64.b64encode(file.getvalue()).decode()

    def _told(self, _: Any, message: Any, buffers: Sequence[Any]) -> None:
        """One message of the view; its answer has the same id."""
        told, answered = self._answer(message)
        self.send(told, answered)

    def _answer(self, message: Mapping[str, Any]) -> tuple[Plain, list[bytes]]:
        answers: dict[str, Callable[..., tuple[Any, list[bytes]]]] = {
            "table": self._table, "objects": self._objects, "region": self._region, "frames": self._frames,
            "scores": self._scores, "search": self._search,
        }  # fmt: skip
        try:
            value, buffers = answers[message["what"]](**message.get("asked", {}))
        except OvstoreError as error:
            status = 422 if isinstance(error, UnknownWords) else 404 if isinstance(error, NotFound) else 400
            problem = {"status": status, "detail": str(error), "near": list(error.near)}
            return {"id": message["id"], "problem": problem}, []
        return {"id": message["id"], "value": value}, buffers

    def _table(self) -> tuple[Plain, list[bytes]]:
        if self._held is None:
            raise NotFound(f"{self._scene.full_name} has no features.")
        return scene_values.table(self._store, self._scene, self._held), []

    def _objects(self) -> tuple[list[Plain], list[bytes]]:
        return [] if self._held is None else scene_values.objects(self._store, self._scene, self._held), []

    def _region(self, level: str, ordinal: int) -> tuple[Plain, list[bytes]]:
        found = region_names.find(self._store, f"{self._scene.full_name}:{ordinal}@{level}", self.features or None)
        return {
            "ordinal": found.ordinal,
            "id": None,
            "level": found.level,
            "point_count": found.point_count,
            "seen_count": found.seen_count,
            "centre": list(found.centre),
            "oriented_box": None,
            "label": found.label,
            "superpoints": list(found.superpoints),
            "views": [
                {"frame": view.frame, "box_xyxy": list(view.box_xyxy)} for view in evidence_of(self._store, found)
            ],
        }, []

    def _frames(self) -> tuple[list[Plain], list[bytes]]:
        objects = self._objects()[0]
        shown_in = [view["frame"] for one in objects for view in one["views"][:1]]
        return scene_values.photographs(self._store, self._scene, shown_in)

    def _scores(
        self, questions: Sequence[str] = (), not_words: Sequence[str] = (), example: Plain | None = None
    ) -> tuple[Plain, list[bytes]]:
        asked = [self._example(example)] if example is not None else [Question(words) for words in questions]
        found = scene_scores(
            self._store,
            asked,
            self._scene.full_name,
            exclude=list(not_words),
            features=self.features or None,
            level="superpoint",
        )
        rows = [_row(str(one), found, place) for place, one in enumerate(asked)]
        return {"regions": found.ordinals.tolist(), "rows": rows}, []

    def _search(
        self, question: str = "", not_words: Sequence[str] = (), example: Plain | None = None
    ) -> tuple[Plain, list[bytes]]:
        where: dict[str, Any] = {"scenes": self._scene.full_name, "features": self.features or None, "top": _HITS}
        if example is not None:
            asked = self._example(example)
            found = search(self._store, like=asked.like, frame=asked.frame, box_xyxy=asked.box_xyxy, **where)
        else:
            said = parse(question)
            found = search(self._store, said.words, relations=said.relations, exclude=list(not_words), **where)
        answer = scene_values.answer(found)
        self.hits = answer["hits"]
        return answer, []

    def _example(self, example: Plain) -> Question:
        if "like" in example:
            return Question(like=str(example["like"]))
        if "frame" not in example:
            raise BadInput("Ask with a region, or with a frame and a box.")
        return Question(frame=(self._scene.full_name, str(example["frame"])), box_xyxy=example.get("box_xyxy"))


def _row(question: str, found: SceneScores, place: int) -> Plain:
    scores = found.scores[place]
    chances = None if found.probabilities is None else found.probabilities[place]
    return {
        "question": question,
        "low": float(np.median(scores)) if len(scores) else None,
        "high": float(scores.max()) if len(scores) else None,
        "scores": scores.tolist(),
        "probabilities": None if chances is None or np.isnan(chances).any() else chances.tolist(),
    }
