"""One scene as one HTML file: it opens from disk, uses no network, and answers the words that it carries."""

import base64
import hashlib
import html
import json
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from itertools import accumulate
from pathlib import Path

import numpy as np

from ..core.errors import BadInput, OvstoreError
from ..core.files import replacing
from ..core.wording import shown
from ..drawing.clouds import scene_drawing
from ..ingest.report import Report, quiet
from ..query.question import target_of
from ..query.scene_scores import scene_scores
from ..query.search import search
from ..store.catalog import catalog, leases
from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
from ..store.postgres.database import Database
from . import scene_values
from .scene_values import Plain

_MOST_WORDS = 300
_HITS, _HITS_OF_OTHERS = 10, 5  # of the words that were asked for, and of others
_EVIDENCE = 3  # frames of a hit that are sure to go along
_AT_ONCE = 32  # words scored together
_CLOSING = re.compile(r"<(?=/script|/style|!--)", re.IGNORECASE)


@dataclass(frozen=True)
class SceneFileOptions:
    """What goes into the file."""

    ask: tuple[str, ...] = ()  # words that it answers besides those that the encoder knows best
    photographs: bool = True
    max_points: int | None = None  # coarser levels of points only, and no mesh with more vertices
    features: str | None = None

    def __post_init__(self) -> None:
        if self.max_points is not None and self.max_points < 1:
            raise BadInput(f"At least one point has to be drawn, not {self.max_points}.")


@dataclass(frozen=True)
class WrittenSceneFile:
    """What was written."""

    path: Path
    size: int  # bytes
    points: int
    words: int
    photographs: int
    largest: str  # "points", "mesh", "photographs", "scores" or "scene": the block with most bytes


@dataclass(frozen=True)
class _Answered:
    """What the scene says to some words."""

    words: Sequence[str] = ()
    rows: list[Plain] = field(default_factory=list)  # per word, what the page's legend says
    superpoints: list[int] = field(default_factory=list)  # columns of the scores
    scores: bytes = b""  # float32: a row per word, then as many of probabilities
    answers: list[Plain] = field(default_factory=list)


def write_scene_file(
    store: Database, scene: str, path: Path, options: SceneFileOptions | None = None, report: Report = quiet
) -> WrittenSceneFile:
    """The scene with its objects, photographs and answers; the file appears whole or not at all."""
    options = options or SceneFileOptions()
    with leases.reading(store):
        found = catalog.find_scene(store, scene)
        held = scene_values.usual_features(store, found, options.features)
        said = _answered(store, found, held, options.ask, report)
        manifest, points, mesh = scene_values.geometry(store, found, options.max_points)
        objects = [] if held is None else scene_values.objects(store, found, held)
        frames: list[Plain] = []
        photographs: list[bytes] = []
        if options.photographs:
            shown_in = [view["frame"] for one in objects for view in one["views"][:1]]
            hits = [hit for answer in said.answers for hit in answer["hits"]]
            shown_in += [view["frame"] for hit in hits for view in hit["evidence"][:_EVIDENCE]]
            frames, photographs = scene_values.photographs(store, found, shown_in, report)
        kept = {
            "dataset": found.dataset,
            "scene": found.name,
            "features": "" if held is None else held.name,
            "manifest": manifest,
            "table": None if held is None else scene_values.table(store, found, held),
            "objects": objects,
            "frames": _with_places(frames, photographs),
            "words": list(said.words),
            "superpoints": said.superpoints,
            "rows": said.rows,
            "answers": said.answers,
        }
        overview = scene_drawing(store, found.full_name).picture()
    blocks = {
        "scene": json.dumps(kept, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(),
        "points": points,
        "mesh": mesh,
        "scores": said.scores,
        "photographs": b"".join(photographs),
    }
    packed = {name: base64.b64encode(zlib.compress(body, 9)).decode() for name, body in blocks.items() if body}
    with replacing(path) as part:
        part.write_text(_document(found, packed, scene_values.webp(np.asarray(overview))), encoding="utf-8")
    return WrittenSceneFile(
        path=path,
        size=path.stat().st_size,
        points=manifest["points"],
        words=len(said.words),
        photographs=len(frames),
        largest=max(packed, key=lambda name: len(packed[name])),
    )


def _answered(
    store: Database, scene: SceneInfo, held: FeatureSetInfo | None, ask: Sequence[str], report: Report
) -> _Answered:
    if held is None:
        if ask:
            raise BadInput(f"{scene.full_name} has no features: it cannot be asked for {ask[0]!r}.")
        return _Answered()
    words = _words(store, held, ask)
    if not words:
        return _Answered()
    scores, chances, superpoints = [], [], np.empty(0, np.int32)
    for start in range(0, len(words), _AT_ONCE):
        report("scoring words", start, len(words))
        some = words[start : start + _AT_ONCE]
        found = scene_scores(store, some, scene.full_name, features=held.name, level="superpoint")
        superpoints = found.ordinals
        scores.append(found.scores)
        none = np.full_like(found.scores, np.nan)
        chances.append(none if found.probabilities is None else found.probabilities)
    score, chance = np.concatenate(scores), np.concatenate(chances)
    rows = [
        {
            "low": float(np.median(row)) if len(row) else None,
            "high": float(row.max()) if len(row) else None,
            "probabilities": not bool(np.isnan(own).all()),
        }
        for row, own in zip(score, chance, strict=True)
    ]
    answers = []
    for place, one in enumerate(words):
        report("searching", place, len(words))
        top = _HITS if place < len(ask) else _HITS_OF_OTHERS
        answers.append(scene_values.answer(search(store, one, scenes=scene.full_name, features=held.name, top=top)))
    numbers = np.concatenate([score, chance]).astype("<f4").tobytes()
    return _Answered(words, rows, superpoints.tolist(), numbers, answers)


def _words(store: Database, held: FeatureSetInfo, ask: Sequence[str]) -> list[str]:
    """Those that were asked for first, then the everyday ones of the encoder; none where it knows no words."""
    encoder = target_of(store, held.name).encoder
    try:
        everyday = encoder.everyday
    except OvstoreError:  # not installed here
        if ask:
            raise
        return []
    words = list(dict.fromkeys([*(words.strip() for words in ask), *everyday]))[:_MOST_WORDS]
    encoder.texts(words)  # an unknown one is refused before anything is made
    return words


def _with_places(frames: Sequence[Plain], pictures: Sequence[bytes]) -> list[Plain]:
    """Each frame with where its picture lies in the block of all."""
    ends = list(accumulate(map(len, pictures), initial=0))
    return [frame | {"bytes": [ends[place], ends[place + 1]]} for place, frame in enumerate(frames)]


def _document(scene: SceneInfo, packed: dict[str, str], overview: bytes) -> str:
    """Script and style are allowed by their digests, and nothing else is: no request can leave the file."""
    static = resources.files(__package__) / "static"
    script, style = (
        _CLOSING.sub(r"<\\", (static / name).read_text(encoding="utf-8")) for name in ("page.js", "page.css")
    )
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src blob: data:; "
        "base-uri 'none'; form-action 'none'"
    )
    name = html.escape(shown(scene.full_name))
    data = f'data-file="yes" data-dataset="{html.escape(scene.dataset)}" data-scene="{html.escape(scene.name)}"'
    picture = base64.b64encode(overview).decode()
    blocks = "\n".join(
        f'<script type="application/octet-stream" id="{block}">{body}</script>' for block, body in packed.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{name} - ovstore</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<main id="app" tabindex="-1" data-page="scene" {data}>
<h1>{name}</h1>
<noscript><p class="note">The 3D view needs script. This is a drawing of the scene.</p></noscript>
<img class="flat" src="data:image/webp;base64,{picture}" alt="{name} from above one corner">
<section class="facts" aria-label="About the scene">
<p>{scene.point_count:,} points, {scene.frame_count:,} frames. Made by ovstore export html.</p>
</section>
</main>
{blocks}
<script type="module">{script}</script>
</body>
</html>
"""


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
