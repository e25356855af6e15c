"""ovstore forget SCENE: take scenes or feature sets out of the store."""

import sys
from typing import TYPE_CHECKING

import click

from ..core.wording import counted
from ._options.completion import complete
from ._options.shared import misuse, opened_store
from ._output.printing import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..store.catalog.catalog import FeatureSetInfo, SceneInfo


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
@click.option("--crops", is_flag=True, help="Only their vectors from crops; the feature sets stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(scenes: tuple[str, ...], dataset: str | None, features: str | None, crops: bool, yes: bool) -> None:
    """Delete scenes or feature sets from the store.

    Everything that was made from a scene is deleted with it. The scans themselves are not touched.

    \b
    Examples:
      ovstore forget scene0003_00
      ovstore forget --dataset scannet --features tiny --yes
    """
    from ..workflows.forget import ForgetRequest, carry_out, plan

    with misuse():
        request = ForgetRequest(scenes, dataset, features, crops)
    with opened_store() as store:
        chosen = plan(store, request)
        say(*_of_scenes(chosen.scenes), *_of_sets(chosen.feature_sets, crops), err=True)
        if not yes:
            _confirm()
        gone = carry_out(store, chosen)
    if crops:
        say(f"Forgotten: the vectors from crops of {counted(gone.crop_sets, 'feature set')}.")
        return
    waiting = " The files are removed when their current readers have finished." if gone.waiting else ""
    say(f"Forgotten: {counted(gone.scenes, 'scene')}, {counted(gone.feature_sets, 'feature set')}, "
               f"{gone.bytes / 1e6:,.1f} MB.{waiting}")  # fmt: skip


def _confirm() -> None:
    """Aborts where a person says no; a program that cannot answer is told of --yes."""
    try:
        agreed = click.confirm("Forget?", err=True)
    except click.Abort as error:
        if sys.stdin.isatty():
            raise
        raise click.UsageError(
            "There is no terminal to answer at: give --yes to forget without being asked."
        ) from error
    if not agreed:
        raise click.Abort


def _of_scenes(scenes: "Sequence[SceneInfo]") -> list[str]:
    return [
        f"{scene.full_name}: {counted(scene.frame_count, 'frame')}, {counted(scene.point_count, 'point')}, "
        f"features: {', '.join(scene.features) or 'none'}"
        for scene in scenes
    ]


def _of_sets(sets: "Sequence[FeatureSetInfo]", crops: bool) -> list[str]:
    if crops:
        return [
            f"{found.dataset}/{found.scene} features {found.name}: {counted(found.crop_count, 'vector')} from crops"
            for found in sets
        ]
    return [
        f"{found.dataset}/{found.scene} features {found.name}: {counted(found.point_count, 'vector')}, "
        f"{counted(found.object_count + found.superpoint_count, 'region')}"
        for found in sets
    ]
