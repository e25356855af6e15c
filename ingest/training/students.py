"""Trained students: a network with its weights, and how points are put to it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from ...core import plugins
from ...core.errors import BadInput, BadWeights, OvstoreError
from ...core.listing import matching
from ...core.regular import is_file, is_folder
from ...models.minkunet.checkpoint import read_minkunet
from ...models.safe_load import load_into, read_state_dict, read_torch, sha256_of
from ...models.training.checkpoint import PREFIX
from ...models.training.options import TrainingOptions
from ...store.catalog.catalog import FeatureSetInfo
from ...store.files import places
from ...store.postgres.database import Database

CHANNELS_IN = 3  # ones, or a colour


@dataclass(frozen=True)
class Student:
    """What a weights file holds, ready to be asked."""

    network: nn.Module  # on the CPU, in evaluation mode
    channels: int  # that it gives
    options: TrainingOptions  # of its training: cells, inputs
    path: Path
    digest: str  # sha256 of the file
    about: Mapping[str, Any]  # what the training was told of it ("name", "options" and more); empty for others' files

    def require_channels(self, dim: int, space: str) -> None:
        """BadWeights unless what it gives can be of a space of `dim`, as far as the width tells."""
        if self.channels != dim:
            raise BadWeights(
                f"{self.path} gives {self.channels} numbers per point, but vectors of {space} have {dim}: it was "
                "trained on another encoder. Name the one it was trained on with --features or --encoder."
            )


def students_folder(store: Database, features: str) -> Path:
    """Where the student behind feature sets of that name is trained, unless a person says otherwise."""
    return store.file(places.student(features))


def student_of_file(path: Path, options: TrainingOptions | None = None) -> Student:
    """A checkpoint of ours says itself how it was trained; any other MinkUNet takes points by `options`."""
    told = _told(path)
    if told is None:
        if options is None:
            raise BadWeights(f"{path} does not record how it takes points, as checkpoints of `ovstore distill` do.")
        checkpoint = read_minkunet(path)
        if checkpoint.in_channels != CHANNELS_IN:
            raise BadWeights(
                f"{path} takes {checkpoint.in_channels} numbers per voxel; a student that takes {CHANNELS_IN} "
                "(ones, or a colour) was expected."
            )
        return Student(checkpoint.network(), checkpoint.out_channels, options, path, sha256_of(path), {})
    about, trained = told
    network, channels = _built(path, about)
    return Student(network, channels, trained, path, sha256_of(path), about)


def student_of(store: Database, found: FeatureSetInfo, run: Path | None = None) -> Student:
    """The student that made a distilled feature set: by its digest, in `run` (its file, or its training's folder).

    Without `run`, in the store's own folder; BadInput where it is not there.
    """
    made_by = found.recipe["student"]
    folder = run or students_folder(store, found.name)
    files = matching(folder, "*.pth.tar") if is_folder(folder) else [folder] if is_file(folder) else []
    for path in files:
        if sha256_of(path) == made_by["weights"]:
            used = {name: made_by[name] for name in ("voxel_size", "inputs", "target")}
            student = student_of_file(path, TrainingOptions(**used))
            return replace(student, options=replace(student.options, **used))
    raise BadInput(
        f"The student that made {found.name!r} of {found.dataset}/{found.scene} is not in {folder}: weights with the "
        f"sha256 {made_by['weights'][:12]}... are needed; name their file or folder with --run."
    )


def _told(path: Path) -> tuple[Mapping[str, Any], TrainingOptions] | None:
    """What one of our checkpoints says of its student and training; None for any other file."""
    if not is_file(path):
        raise BadWeights(f"No weights at {path}.")
    content = read_torch(path) if path.suffix in (".tar", ".pth", ".pt") else None
    run = content.get("run") if isinstance(content, Mapping) else None
    if run is None:
        return None
    try:
        about, options = run["student"], dict(run["options"])
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in options.items()
        }
        return dict(about), TrainingOptions(**values)
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise BadWeights(f"{path} was written by another version of ovstore, or is damaged: {error}.") from error


def _built(path: Path, about: Mapping[str, Any]) -> tuple[nn.Module, int]:
    """The network that a training of ours described, with its weights."""
    try:
        plugin = plugins.load("models.students", about["name"], noun="student")
        channels = int(about["channels"])
        network: nn.Module = plugin.build(plugin.Options(**about["options"]), CHANNELS_IN, channels)
    except (KeyError, TypeError, ValueError, OvstoreError) as error:
        raise BadWeights(f"{path} names a student that cannot be built here: {error}") from error
    tensors = {name.removeprefix(PREFIX): tensor for name, tensor in read_state_dict(path).items()}
    load_into(network, tensors, f"{path}: the tensors of {about['name']}")
    return network, channels
