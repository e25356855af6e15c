"""The frames that show a hit and its landmark together."""

from ...core.features import Evidence, Hit
from ...store.postgres.database import Database


def seen_together(store: Database, hit: Hit, landmark: Hit) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """The evidence of each in frames that show both, best first: by the one of which less is seen."""
    of_landmark = {view.frame: view for view in landmark.evidence}
    both = [(view, of_landmark[view.frame]) for view in hit.evidence if view.frame in of_landmark]
    both.sort(key=lambda pair: -min(view.visible_points for view in pair))
    return tuple(view for view, _ in both), tuple(view for _, view in both)
