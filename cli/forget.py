"""ovstore forget SCENE: take scenes or feature sets out of the store."""

from typing import TYPE_CHECKING

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import opened_store, say

if TYPE_CHECKING:
    from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
    from ..store.postgres.database import Database


@click.command("forget")
@click.argument("scenes", shell_complete=complete("scenes"), nargs=-1, metavar="[SCENE]...")
@click.option(
    "--dataset", shell_complete=complete("datasets"), help="The dataset of the scenes; without SCENE, all its scenes."
)
@click.option(
    "--features",
    shell_complete=complete("features"),
    metavar="NAME",
    help="Only the feature sets of this name; the scenes stay.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(scenes: tuple[str, ...], dataset: str | None, features: str | None, yes: bool) -> None:
    """Delete scenes or feature sets from the store.

    Everything that was made from a scene is deleted with it. The scans themselves are not touched.

    \b
    Examples:
      ovstore forget scene0003_00
      ovstore forget --dataset scannet --features tiny --yes
    """
    from ..store.catalog import catalog
    from ..store.maintain import forget

    if not scenes and dataset is None:
        raise click.UsageError("Name what to forget: a SCENE, or --dataset NAME for all scenes of a dataset.")
    with opened_store() as store:
        named = [catalog.find_scene(store, name, dataset) for name in scenes] or catalog.scenes(store, dataset)
        held = list({scene.id: scene for scene in named}.values())  # a scene named twice goes once
        if features is None:
            _confirm(_of_scenes(held), yes)
            gone = forget.forget_scenes(store, held)
        else:
            sets = _named_sets(store, held, features, required=bool(scenes))
            _confirm(_of_sets(sets), yes)
            gone = forget.forget_features(store, sets)
    waiting = " The files are removed when their current readers have finished." if gone.waiting else ""
    say(f"Forgotten: {counted(gone.scenes, 'scene')}, {counted(gone.feature_sets, 'feature set')}, "
               f"{gone.bytes / 1e6:,.1f} MB.{waiting}")  # fmt: skip


def _named_sets(store: "Database", scenes: "list[SceneInfo]", name: str, required: bool) -> "list[FeatureSetInfo]":
    """Each scene's feature set of that name; of a whole dataset, those scenes that have one."""
    from ..store.catalog import catalog

    having = [scene for scene in scenes if required or name in scene.features]
    return [catalog.find_feature_set(store, scene, name) for scene in having or scenes[:1]]


def _confirm(what: list[str], yes: bool) -> None:
    say(*what, err=True)
    if not yes:
        click.confirm("Forget?", abort=True, err=True)


def _of_scenes(scenes: "list[SceneInfo]") -> list[str]:
    return [
        f"{scene.full_name}: {counted(scene.frame_count, 'frame')}, {counted(scene.point_count, 'point')}, "
        f"features: {', '.join(scene.features) or 'none'}"
        for scene in scenes
    ]


def _of_sets(sets: "list[FeatureSetInfo]") -> list[str]:
    return [
        f"{found.dataset}/{found.scene} features {found.name}: {counted(found.point_count, 'vector')}, "
        f"{counted(found.object_count + found.superpoint_count, 'region')}"
        for found in sets
    ]
