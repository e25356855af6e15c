"""What is to leave the store is chosen first, so that a person can be asked, and forgotten then."""

from dataclasses import dataclass

from ..core.annotated import check_fields
from ..core.errors import Misused
from ..store.catalog import catalog
from ..store.catalog.catalog import FeatureSetInfo, SceneInfo
from ..store.maintain import forget
from ..store.maintain.forget import Forgotten
from ..store.postgres.database import Database


@dataclass(frozen=True)
class ForgetRequest:
    """Named scenes, or all of a dataset."""

    scenes: tuple[str, ...] = ()
    dataset: str | None = None
    features: str | None = None  # only the feature sets of this name; the scenes stay
    crops: bool = False  # only what describes the objects of these feature sets from crops; the feature sets stay

    def __post_init__(self) -> None:
        check_fields(self)
        if not self.scenes and self.dataset is None:
            raise Misused("Name what to forget: a SCENE, or --dataset NAME for all scenes of a dataset.")
        if self.crops and self.features is None:
            raise Misused("--crops requires --features NAME: the feature sets whose vectors from crops are to go.")


@dataclass(frozen=True)
class ForgetPlan:
    """What would go: scenes with everything that was made from them, or feature sets alone."""

    scenes: tuple[SceneInfo, ...] = ()
    feature_sets: tuple[FeatureSetInfo, ...] = ()
    crops: bool = False  # of these feature sets alone


def plan(store: Database, request: ForgetRequest) -> ForgetPlan:
    """What the request names; a scene named twice goes once. NotFound for a name that is none."""
    named = [catalog.find_scene(store, name, request.dataset) for name in request.scenes]
    scenes = list({scene.id: scene for scene in named or catalog.scenes(store, request.dataset)}.values())
    if request.features is None:
        return ForgetPlan(scenes=tuple(scenes))
    # Each scene that was named must have the feature set; of a dataset, at least one scene.
    having = [scene for scene in scenes if named or request.features in scene.features] or scenes[:1]
    found = [catalog.find_feature_set(store, scene, request.features) for scene in having]
    return ForgetPlan(feature_sets=tuple(found), crops=request.crops)


def carry_out(store: Database, chosen: ForgetPlan) -> Forgotten:
    """Rows in one transaction, then the files that only they named."""
    if chosen.scenes:
        return forget.forget_scenes(store, chosen.scenes)
    if chosen.crops:
        return forget.forget_crops(store, chosen.feature_sets)
    return forget.forget_features(store, chosen.feature_sets)
