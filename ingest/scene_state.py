"""What the store holds of a scene, and what an ingest may do with it: nothing disappears unasked.

Geometry options that were not typed are those of the stored geometry. What would drop features that somebody made is
refused with the ways out, unless --again asked for it; see docs/ingest.md.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..core.contracts import offers
from ..core.errors import WouldDrop
from ..store.catalog import catalog
from ..store.catalog.catalog import SceneInfo
from ..store.postgres.database import Database
from ..store.publish import fingerprints
from ..store.publish.fingerprints import Fingerprint
from . import recipe
from .datasets import Dataset, ScanFiles
from .recipe import FeatureRequest, GeometryRequest
from .scan_files import Comparison, compare, fingerprint

_CUT = "masks"  # of a geometry's recipe: those along which its superpoints are cut
_PRESET = "compat"  # typed, it sets every option of visibility


@dataclass(frozen=True)
class SceneState:
    """How a scene is to be brought up to date."""

    request: GeometryRequest  # with the options that count
    features: str  # name of the feature set that is asked for
    again: bool  # redo what is stored, and drop what depends on it
    geometry: dict[str, Any]  # their recipe
    held: SceneInfo | None  # the stored scene; None where there is none
    kept: bool  # the stored geometry stays
    changed: bool  # the files behind it are others than they were
    files: Fingerprint | None  # as they are now, where the stored geometry stays
    said: tuple[str, ...]  # what people should know of it

    @property
    def others(self) -> tuple[str, ...]:
        """The scene's feature sets beside the one that is asked for."""
        return () if self.held is None else tuple(n for n in self.held.features if n != self.features)

    def require_nobody_else(self, reason: str) -> None:
        """WouldDrop when another feature set would go with the stored geometry."""
        _remade(self, reason, self.others)


def scene_state(
    store: Database, request: GeometryRequest, features: str, name: str, dataset: Dataset, again: bool = False
) -> SceneState:
    """WouldDrop where the request would drop features, unless `again`."""
    held = catalog.held_scene(store, request.dataset, name)
    if held is None or held.format != request.format:  # publishing refuses another format
        return SceneState(request, features, again, recipe.geometry(request), None, False, False, None, ())
    request, said = _with_stored_options(request, held, again)
    found = SceneState(request, features, again, recipe.geometry(request), held, False, False, None, said)
    if list(_differences(request, held.geometry)) or held.geometry.get("version") != found.geometry["version"]:
        return _remade(found, "its geometry was made with other options", held.features)
    found = replace(found, geometry=held.geometry)
    compared = _compared(store, request, held, dataset)
    if isinstance(compared, str):
        return _remade(replace(found, changed=True), compared, held.features)
    if not compared.equal:
        if compared.same_scan:
            return _remade(replace(found, changed=True), f"its files have changed ({compared})", found.others)
        reason = f"{compared.now.place} is another scan than the one that was ingested from {held.source} ({compared})"
        return _remade(replace(found, changed=True), reason, held.features)
    if again or catalog.ready_geometry(store, request.dataset, name, held.geometry) is None:
        return found
    if compared.moved:
        said = (*said, f"moved to {compared.now.place}, its files are equal")
    return replace(found, kept=True, files=None if compared.unchanged else compared.now, said=said)


def cut_along_masks(found: SceneState, cut: dict[str, Any] | None) -> SceneState:
    """The state with superpoints cut along masks, where nobody else's stay as they are; WouldDrop as `scene_state`.

    `cut` is that part of the recipe, None for superpoints that are not cut; a stored geometry stays what it is then.
    """
    if found.geometry.get(_CUT) == cut or (found.kept and cut is None):
        return found
    if found.kept and found.others and cut is not None:
        whose = " and ".join(found.others)
        return replace(
            found,
            said=(
                *found.said,
                f"superpoints as stored, not cut along the masks: {whose} stand on them; --again cuts them, and drops "
                f"{whose}",
            ),
        )
    reason = (
        "its superpoints are cut along masks" if cut else "its superpoints were cut along masks, and none are given"
    )
    geometry = {name: value for name, value in found.geometry.items() if name != _CUT}
    if cut is not None:
        geometry[_CUT] = cut
    made = replace(found, geometry=geometry, kept=False, files=None)
    return made if found.held is None else _remade(made, reason, found.others)


def require_own_recipe(store: Database, found: SceneState, request: FeatureRequest, made: Mapping[str, Any]) -> None:
    """WouldDrop where the features of that name were made by another encoder, or with other options."""
    if found.held is None or found.again or request.name not in found.held.features or "imported" in made:
        return
    before = catalog.find_feature_set(store, found.held, request.name).recipe
    defaults = {"encoder": _defaults(request.encoder_options), "fuse": _defaults(request.fuse)}
    if reasons := list(_other_makings(before, _plain(made), defaults)):
        raise WouldDrop(
            f"its features {request.name!r} were made {', '.join(reasons)}: --features NAME keeps both, --again "
            "replaces them."
        )


def _other_makings(
    before: Mapping[str, Any], now: Mapping[str, Any], defaults: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """How features were made, where they are to be made in another way now."""
    if "student" in before:
        yield "by distillation"
    elif "imported" in before:
        yield "elsewhere"
    elif before["encoder"]["name"] != now["encoder"]["name"]:
        yield f"by --encoder {before['encoder']['name']}"
    else:
        options = {"encoder": before["encoder"]["options"], "fuse": before["fuse"]}
        asked = {"encoder": now["encoder"]["options"], "fuse": now["fuse"]}
        found = []
        for part, values in asked.items():
            for option, value in values.items():
                if (was := options[part].get(option, defaults[part].get(option))) != value:
                    found.append(f"with {_flag(option, was)}, not {_value(value)}")
        if not found and before["space"] != now["space"]:
            found.append("by other weights")
        if ("instances" in before) != ("instances" in now):
            found.append("with --instances" if "instances" in before else "without --instances")
        yield from found
        was, asks = before.get("masks"), now.get("masks")
        if (was is None) != (asks is None):
            yield "without --masks" if was is None else "with --masks"
        elif was is not None and asks is not None:
            if was["merged_by"] != asks["merged_by"]:
                yield f"with --objects {was['merged_by']}, not {asks['merged_by']}"
            if was["options"] != asks["options"]:
                yield "by other rules for masks"


def scene_paths(dataset: Dataset, request: GeometryRequest, name: str, place: Path) -> Sequence[Path]:
    """The files and folders that a scene is read from."""
    own = offers(dataset, ScanFiles)
    return [place] if own is None else own.scan_files(request.root, name, request.dataset_options)


def _with_stored_options(
    request: GeometryRequest, held: SceneInfo, again: bool
) -> tuple[GeometryRequest, tuple[str, ...]]:
    """The request with the stored geometry's options where none was typed, and a word on those that matter."""
    adopted: dict[str, dict[str, Any]] = {}
    refused: dict[str, str] = {}
    told = []
    for part, option, stored, asked in _differences(request, held.geometry):
        if _is_typed(request, part, option):
            instead = _flag(option, asked) if isinstance(asked, bool) else _value(asked)
            refused[option] = f"{_flag(option, stored)}, not {instead}"
        else:
            adopted.setdefault(part, {})[option] = tuple(stored) if isinstance(stored, list) else stored
            told.append(_flag(option, stored))
    if refused and not again and held.features:
        differs = refused.get(_PRESET) or ", ".join(refused.values())
        raise WouldDrop(
            f"its stored geometry has {differs}, and the features {' and '.join(held.features)} depend on it: leave "
            "the option out to use what is stored, --name NAME makes a second copy, --again makes the geometry "
            f"again and drops {' and '.join(held.features)}."
        )
    changes = {part: replace(getattr(request, part), **values) for part, values in adopted.items()}
    return replace(request, **changes), ((f"geometry as stored: {', '.join(told)}",) if told else ())


def _differences(request: GeometryRequest, stored: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    """(part of the request, option, stored value, asked value); one that either does not name has its default."""
    asked = _plain(recipe.geometry(request))
    pairs = {
        "dataset_options": (stored.get("dataset", {}).get("options", {}), asked["dataset"]["options"]),
        "visibility": (stored.get("visibility", {}), asked["visibility"]),
        "superpoints": (stored.get("superpoints", {}), asked["superpoints"]),
    }
    for part, (before, now) in pairs.items():
        defaults = _defaults(getattr(request, part))
        for option in [*now, *(option for option in before if option not in now and option in defaults)]:
            was, value = before.get(option, defaults.get(option)), now.get(option, defaults.get(option))
            if was != value:
                yield part, option, was, value


def _is_typed(request: GeometryRequest, part: str, option: str) -> bool:
    if request.typed is None:
        return True
    return option in request.typed or (_PRESET in request.typed and part == "visibility")


def _compared(store: Database, request: GeometryRequest, held: SceneInfo, dataset: Dataset) -> Comparison | str:
    """The scene's files now and then; a sentence where that cannot be told."""
    with store.connect() as connection:
        before = fingerprints.find(connection, scene_id=held.id)
    place = _place_now(request.root, Path(before.place if before else held.source), before)
    if place is None:
        return f"{request.root} has another layout than {held.source}, from which it was ingested"
    if before is not None:
        return compare(before, request.root, place, scene_paths(dataset, request, held.name, place), store.path)
    if place != Path(os.path.abspath(held.source)):
        return f"it was ingested from {held.source}, and no fingerprints of its files were recorded then"
    return _first_look(store, request, held, dataset, place)


def _first_look(
    store: Database, request: GeometryRequest, held: SceneInfo, dataset: Dataset, place: Path
) -> Comparison:
    """Of a scene that came in before files were remembered, and lies where it lay: it is believed to be the same."""
    frames = catalog.load_frames(store, held.id)
    used = [path for frame in frames for path in (frame.image_path, frame.depth_path) if path is not None]
    paths = scene_paths(dataset, request, held.name, place)
    return Comparison(fingerprint(request.root, place, paths, used, store.path), False, (), (), (), 1.0)


def _place_now(root: Path, place: Path, before: Fingerprint | None) -> Path | None:
    """Where a scene that lay at `place` is to be found below `root`."""
    place = Path(os.path.abspath(place))
    if place.is_relative_to(root) and place.exists():
        return place
    candidates = [root] if root.name == place.name else []
    candidates.append(root / place.name)
    if before is not None:
        candidates.insert(0, Path(os.path.normpath(root / os.path.relpath(place, before.root))))
    return next((path for path in candidates if path.exists()), None)


def _remade(found: SceneState, reason: str, lost: Sequence[str]) -> SceneState:
    """The geometry is made anew, where that drops nothing or --again asked for it."""
    if lost and not found.again:
        raise WouldDrop(
            f"{reason}: --name NAME ingests it beside what is stored, --again ingests it again and drops the "
            f"features {' and '.join(lost)}."
        )
    return replace(found, said=(*found.said, f"made again: {reason}"))


def _flag(option: str, value: Any) -> str:
    flag = "--" + option.replace("_", "-")
    if option == _PRESET:
        return f"{flag} openscene" if value else f"no {flag}"
    if isinstance(value, bool):
        return flag if value else f"--no-{flag[2:]}"
    return f"{flag} {_value(value)}"


def _value(value: Any) -> str:
    if value in (None, ""):
        return "none"
    return (
        ",".join(map(str, value))
        if isinstance(value, list | tuple)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def _defaults(options: Any) -> dict[str, Any]:
    return {
        item.name: list(item.default) if isinstance(item.default, tuple) else item.default
        for item in fields(options)
        if item.default is not MISSING
    }


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """As the database gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(document))
    return plain
