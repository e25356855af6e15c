"""Scenes of the store for a training run: which to train on, which to validate on, and whether they have colours."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ...core.errors import BadScene, NotFound
from ...store.catalog import catalog
from ...store.catalog.catalog import SceneInfo
from ...store.postgres.database import Database

T = TypeVar("T")


def divide(
    scenes: Sequence[T],
    split_of: Callable[[T], str | None],
    split: str | None,
    val_split: str,
    hold_out: int,
    having: str = "",
) -> tuple[list[T], list[T]]:
    """The scenes of `split`, to train on, and those to validate on: of `val_split`, and the last `hold_out` of `split`.

    Without `split`, those of "train"; where no scene has any split, all. NotFound when none is left to train on;
    `having` says there what all `scenes` have.
    """
    splits = sorted({found for scene in scenes if (found := split_of(scene)) is not None})
    training, validation = list(scenes), []
    if split is not None or splits:
        wanted = split or "train"
        training = [scene for scene in scenes if split_of(scene) == wanted]
        validation = [scene for scene in scenes if split_of(scene) == val_split != wanted]
        if not training:
            raise NotFound(
                f"None of {len(scenes)} scenes{having} is in split {wanted!r}; their splits: "
                f"{', '.join(splits) or 'none'}. Choose the training scenes with --split."
            )
    if hold_out >= len(training):
        raise NotFound(f"{hold_out} held out leave none of {len(training)} scenes for training.")
    kept = len(training) - hold_out
    return training[:kept], [*validation, *training[kept:]]


def require_colors(store: Database, scenes: Iterable[SceneInfo]) -> None:
    """BadScene when one has none."""
    for scene in scenes:
        if not catalog.points_file(store, scene).has_colors():
            raise BadScene(
                f"{scene.full_name} has no colours, which are the student's input: leave the scene out, or train "
                "with --inputs ones."
            )
