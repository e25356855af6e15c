"""What the tools for agents answer: small values that JSON has, without paths, and short enough for a model to read."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

from ..core.errors import BadInput
from ..core.features import Answer, Evidence, Hit
from ..core.wording import shown_in_json, without_paths
from ..store.catalog.catalog import FeatureKind, RegionInfo, SceneInfo

MOST_TEXT = 32_000  # bytes of one result
_LONG = 1_000  # characters of one text out of a scan or a table
_FINDINGS = 20

Three = tuple[float, float, float]


class Listing:
    """A result whose list is cut where the whole would be too long; `more` then says how to ask for the rest."""

    CUT: ClassVar[str]
    REST: ClassVar[str]


@dataclass(frozen=True)
class Features:
    name: str  # what the parameter `features` takes
    encoder: str
    space: str
    scenes: int


@dataclass(frozen=True)
class Limits:
    hits: int
    scenes_per_page: int
    pictures: int
    picture_width: int
    sql_rows: int | None  # null: SQL is switched off
    bytes_of_text: int


@dataclass(frozen=True)
class Overview(Listing):
    CUT, REST = "datasets", "list_scenes names the datasets of all scenes."

    store: str
    version: str
    scenes: int
    points: int
    datasets: list[str]
    features: list[Features]  # that cover most scenes first; searches ask the first unless told otherwise
    limits: Limits
    more: str | None = None


@dataclass(frozen=True)
class SceneLine:
    scene: str
    points: int
    frames: int
    size: Three  # metres, along x, y, z
    features: list[str]


@dataclass(frozen=True)
class Scenes(Listing):
    CUT, REST = "scenes", "Ask again with a smaller limit."

    scenes: list[SceneLine]
    total: int
    next: str | None  # give it as `after` for the next page
    more: str | None = None


@dataclass(frozen=True)
class Thing:
    region: str  # give it to show_evidence, search_by_example or measure
    points: int
    centre: Three  # metres
    size: Three
    label: str | None  # of the data set; nothing that was searched for


@dataclass(frozen=True)
class SceneAnswer(Listing):
    CUT, REST = "largest_objects", "Ask with a smaller top."

    scene: str
    up_axis: str
    box_min: Three
    box_max: Three
    points: int
    seen_points: int
    frames: int
    features: list[str]
    findings: list[str]  # what was wrong with the scan
    largest_objects: list[Thing]
    more: str | None = None


@dataclass(frozen=True)
class FrameBox:
    frame: str
    box_xyxy: tuple[float, float, float, float]  # pixels of the frame's image


@dataclass(frozen=True)
class Box:
    centre: Three
    axes: tuple[Three, Three, Three]  # rows of a rotation whose columns are the edges' directions
    size: Three


@dataclass(frozen=True)
class LandmarkAnswer:
    relation: str
    region: str
    distance: float  # metres


@dataclass(frozen=True)
class HitAnswer:
    scene: str
    region: str  # give it to show_evidence, search_by_example or measure
    score: float
    probability: float | None
    points: int
    centre: Three
    size: Three
    oriented_box: Box
    frames: list[FrameBox]  # the best first
    parts: list[str]  # smaller things that touch it and answer too
    landmarks: list[LandmarkAnswer]


@dataclass(frozen=True)
class SearchAnswer(Listing):
    CUT, REST = "hits", "Ask with a smaller top, for fewer scenes, or with another where."

    question: str
    features: str | None
    probably_here: bool | None  # null: there is nothing to judge by
    notes: list[str]
    hits: list[HitAnswer]
    more: str | None = None


@dataclass(frozen=True)
class Captions:
    region: str
    frames: list[FrameBox]  # one per picture, in their order; boxes in pixels of the whole image


@dataclass(frozen=True)
class Caption:
    scene: str
    question: str | None
    low: float | None  # the score drawn darkest
    high: float | None  # the score drawn brightest


@dataclass(frozen=True)
class Table(Listing):
    CUT, REST = "rows", "Select fewer columns, or add LIMIT and OFFSET."

    columns: list[str]
    rows: list[list[Any]]
    more: str | None = None


def features_of(kind: FeatureKind) -> Features:
    encoder = kind.recipe.get("encoder")
    name = encoder.get("name", "") if isinstance(encoder, dict) else ""
    return Features(kind.name, str(name), kind.space.name, kind.scene_count)


def scene_line(scene: SceneInfo) -> SceneLine:
    size = _three([high - low for low, high in zip(scene.box_min, scene.box_max, strict=True)])
    return SceneLine(scene.full_name, scene.point_count, scene.frame_count, size, list(scene.features))


def scene_answer(scene: SceneInfo, objects: Sequence[RegionInfo]) -> SceneAnswer:
    return SceneAnswer(
        scene=scene.full_name,
        up_axis=scene.up_axis,
        box_min=_three(scene.box_min),
        box_max=_three(scene.box_max),
        points=scene.point_count,
        seen_points=scene.seen_point_count,
        frames=scene.frame_count,
        features=list(scene.features),
        findings=[without_paths(short(finding)) for finding in scene.findings[:_FINDINGS]],
        largest_objects=[
            Thing(
                one.full_name,
                one.point_count,
                _three(one.centre),
                _size(one.box_min, one.box_max),
                None if one.label is None else short(one.label),
            )
            for one in objects
        ],
    )


def search_answer(answer: Answer) -> SearchAnswer:
    return SearchAnswer(
        question=answer.question,
        features=None if answer.query is None else answer.query.feature_set,
        probably_here=answer.probably_here,
        notes=[without_paths(note) for note in answer.notes],
        hits=[_hit(hit) for hit in answer],
    )


def frame_box(view: Evidence) -> FrameBox:
    x0, y0, x1, y1 = (round(value, 1) for value in view.box_xyxy)
    return FrameBox(view.frame, (x0, y0, x1, y1))


def as_text(result: Any) -> tuple[str, dict[str, Any]]:
    """JSON in one line of at most MOST_TEXT bytes, and the value; what does not fit is left out and said."""
    whole = asdict(result)
    text = _json(whole)
    if len(text.encode()) <= MOST_TEXT:
        return text, whole
    if not isinstance(result, Listing):
        raise BadInput("The result is too long to be read.")
    items = getattr(result, result.CUT)
    low, high = 0, len(items)  # the first `low` fit, `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(_json(asdict(_cut(result, middle))).encode()) <= MOST_TEXT else (low, middle)
    shortened = asdict(_cut(result, low))
    text = _json(shortened)
    if len(text.encode()) > MOST_TEXT:
        raise BadInput(f"Without any of its {result.CUT} the result is still too long to be read. {result.REST}")
    return text, shortened


def cell(value: Any) -> Any:
    """A value of a table as JSON has it: texts shortened and without paths, what is no number of JSON as null."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if isinstance(value, Decimal):
        return cell(float(value))
    if hasattr(value, "tolist"):
        return cell(value.tolist())
    if isinstance(value, list | tuple):
        return [cell(item) for item in value]
    if isinstance(value, dict):
        return {str(key): cell(item) for key, item in value.items()}
    return without_paths(short(str(value)))


def short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]}… ({len(text):,} characters)"


def _cut(result: Any, count: int) -> Any:
    items = getattr(result, result.CUT)
    said = f"The first {count:,} of {len(items):,} {result.CUT}, to stay below {MOST_TEXT:,} bytes. {result.REST}"
    return replace(result, **{result.CUT: items[:count], "more": said})


def _json(value: Any) -> str:
    return shown_in_json(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False))


def _hit(hit: Hit) -> HitAnswer:
    first, second, third = (_three(row) for row in hit.oriented_box.axes.tolist())
    return HitAnswer(
        scene=f"{hit.dataset}/{hit.scene}",
        region=hit.full_name,
        score=hit.score,
        probability=hit.probability,
        points=hit.point_count,
        centre=_three(hit.centre),
        size=_size(hit.box_min, hit.box_max),
        oriented_box=Box(
            _three(hit.oriented_box.centre.tolist()), (first, second, third), _three(hit.oriented_box.size.tolist())
        ),
        frames=[frame_box(view) for view in hit.evidence],
        parts=[part.full_name for part in hit.parts],
        landmarks=[LandmarkAnswer(one.relation, one.hit.full_name, round(one.distance, 4)) for one in hit.landmarks],
    )


def _size(low: Sequence[float], high: Sequence[float]) -> Three:
    return _three([b - a for a, b in zip(low, high, strict=True)])


def _three(values: Sequence[float]) -> Three:
    """Tenths of a millimetre are more than any scan has."""
    x, y, z = (round(float(value), 4) for value in values)
    return x, y, z
