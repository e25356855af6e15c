"""The very command lines that mend what doctor finds about scenes and feature sets: read from their recipes."""

import dataclasses
import shlex
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import plugins
from ..core.errors import OvstoreError
from ..store.files import places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..ingest.datasets import Dataset
    from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
    from ..store.maintain.verify import Finding
    from ..store.postgres.database import Database

_LEVELS_UP = 4  # folders between a scene's own and the one that ingest was given


def with_commands(store: "Database", findings: "Sequence[Finding]") -> "list[Finding]":
    """The findings; where a scan has to be read again, or features made again, the remedy says what to type."""
    from ..store.catalog import catalog

    scenes = {scene.id: scene for scene in catalog.scenes(store)}
    sets = {found.id: found for found in catalog.feature_sets(store)}
    told = []
    for finding in findings:
        scene = scenes.get(finding.scene_id or -1)
        if scene is not None:
            found = sets.get(finding.feature_set_id or -1)
            with suppress(KeyError, TypeError, OvstoreError):  # a recipe of another ovstore: the sentence stays
                finding = dataclasses.replace(finding, remedy=_remedy(store, scene, found, list(sets.values())))
        told.append(finding)
    return told


def _remedy(store: "Database", scene: "SceneInfo", found: "FeatureSetInfo | None", sets: "list[FeatureSetInfo]") -> str:
    """The command; without the scan or the student, the one that takes out what cannot be made again."""
    forget = ["ovstore", "forget", scene.full_name, *(["--features", found.name] if found else []), "--yes"]
    if found is not None and found.source == "distilled":
        command = _distill(store, found)
        return shlex.join(command or forget)
    made_by = found or next(
        (one for one in sets if one.scene_id == scene.id and one.source != "distilled" and not _is_added(one)), None
    )
    if found is not None and _is_added(found):
        return shlex.join(forget)
    dataset = plugins.load("ingest.datasets", scene.format)
    root = _root(dataset, scene)
    if root is None or made_by is None:
        return shlex.join(forget)
    return shlex.join(_ingest(dataset, root, scene, made_by))


def _is_added(found: "FeatureSetInfo") -> bool:
    """Whether its vectors came as an array, which only the one who added them has."""
    return "vectors" in found.recipe.get("imported", {})


def _ingest(dataset: "Dataset", root: Path, scene: "SceneInfo", found: "FeatureSetInfo") -> list[str]:
    encoder = found.recipe["encoder"]
    geometry = scene.geometry
    return [
        "ovstore", "ingest", scene.format, str(root), "--name", scene.dataset, "--scene", scene.name,
        "--encoder", encoder["name"], "--features", found.name,
        *_flags(dataset.Options, geometry["dataset"]["options"]),
        *_flags(plugins.load("models.encoders", encoder["name"]).Options, encoder["options"]),
        *_stages(geometry["visibility"], found.recipe.get("fuse", {})),
        *_objects(dataset, found),
        "--again",
    ]  # fmt: skip


def _objects(dataset: "Dataset", found: "FeatureSetInfo") -> list[str]:
    """What was typed about objects; of files that the store does not remember, FOLDER or FILE."""
    if "instances" in found.recipe:
        return ["--instances", "FILE"]
    if "masks" not in found.recipe:
        return []
    pixels = "masks" in {item.name for item in dataclasses.fields(dataset.Options)}  # --masks names other masks there
    merged_by = found.recipe["masks"]["merged_by"]
    return [
        "--object-masks" if pixels else "--masks",
        "FOLDER",
        *(["--objects", merged_by] if merged_by != "both" else []),
    ]


def _stages(visibility: dict[str, Any], fuse: dict[str, Any]) -> list[str]:
    """What was typed about visibility and fusion, where it was not left to its default."""
    from ..ingest.fusion.fuse import FusionOptions
    from ..ingest.fusion.visibility import VisibilityOptions

    words = ["--compat", "openscene"] if visibility.get("compat") else []
    defaults = {**dataclasses.asdict(VisibilityOptions()), **dataclasses.asdict(FusionOptions())}
    told = {**visibility, **fuse}
    for name in ("depth_tolerance", "splat_radius", *(() if words else ("weighting",))):
        if told.get(name, defaults[name]) != defaults[name]:
            words += [f"--{name.replace('_', '-')}", str(told[name])]
    return words


def _distill(store: "Database", found: "FeatureSetInfo") -> list[str] | None:
    """None where the student is not kept where `ovstore distill` keeps it."""
    student = found.recipe.get("student", {})
    if not store.file(places.student(found.name)).is_dir():
        return None
    passes = student.get("passes", 1)
    return [
        "ovstore", "distill", "--write-only", "--out", found.name, "--dataset", found.dataset, "--scene", found.scene,
        *(["--passes", str(passes)] if passes != 1 else []), "--again",
    ]  # fmt: skip


def _root(dataset: "Dataset", scene: "SceneInfo") -> Path | None:
    """The folder to give to ingest: the scene's own or one above it; None where the scan is not there any more."""
    options = _options(dataset.Options, scene.geometry["dataset"]["options"])
    source = Path(scene.source)
    for folder in (source, *source.parents[:_LEVELS_UP]):
        try:
            if folder.exists() and scene.name in dataset.scene_names(folder, options):
                return folder
        except (OvstoreError, OSError):
            continue
    return None


def _options(cls: Any, told: dict[str, Any]) -> Any:
    """The options of a recipe."""
    names = {item.name for item in dataclasses.fields(cls) if item.init}
    return cls(**{name: _plain(value) for name, value in told.items() if name in names})


def _flags(cls: Any, told: dict[str, Any]) -> list[str]:
    """Those options of a recipe that are not at their default, as they are typed."""
    words: list[str] = []
    for item in dataclasses.fields(cls):
        value = _plain(told.get(item.name))
        if "help" not in item.metadata or value is None or value == _plain(item.default):
            continue
        flag = f"--{item.name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(flag if value else f"--no-{flag[2:]}")
        elif isinstance(value, tuple):
            listed = "..." in str(item.type)
            words += [flag, ",".join(map(str, value))] if listed else [flag, *map(str, value)]
        else:
            words += [flag, str(value)]
    return words


def _plain(value: Any) -> Any:
    """As a recipe has it, but with tuples."""
    if isinstance(value, Path):
        return str(value)
    return tuple(value) if isinstance(value, list) else value
