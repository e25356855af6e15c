"""The result of a benchmark of things: one table, and what its rows mean."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..markup import Row, Table
from ..wording import number, percent
from .figures import SIZES, Group, ThingFigures
from .relations import RelationFigures

WAYS = ("things", "regions")


@dataclass(frozen=True)
class ThingReport:
    """One feature set on one benchmark."""

    version: str
    features: str
    rooms: int
    houses: int
    things: ThingFigures
    regions: ThingFigures  # the same questions to stored regions, as searches were before there were things
    relations: tuple[RelationFigures, ...]
    seconds: float  # of one search for things, the mean
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """One line."""
        return f"{self.features}: {self.version}, {self.houses} houses, {self.rooms} rooms"

    def tables(self) -> list[Table]:
        """All figures, reliability, sizes and relations."""
        rows = [(name, *map(shown, values)) for name, shown, *values in self._rows() if values]
        found = [Table(("", *WAYS), rows, ("",))]
        found += [self._reliability(), self._sizes()]
        return [*found, self._relations()] if self.relations else found

    @property
    def sentences(self) -> list[str]:
        """What the numbers mean."""
        return [
            "Things: what a search answers by default. Regions: stored objects with all their points (--ungrouped).",
            f"{len(self.things.needles('name').asked)} needles by name, each in one room of its house, and "
            f"{len(self.things.absent)} kinds of the same pool that the house has not: chance decided which. "
            f"{len(self.things.words().asked)} names of all that stands in the houses, {len(self.things.twins)} pairs "
            "of twins.",
            "A first hit is right if more than half of its points bear the name; it fits if its IoU with a thing of "
            "the name is at least 0.5. It is merged if it holds half or more of two things (no walls or floors).",
            "Twins are asked for in their room alone: of the first ten hits with half or more of one, those with half "
            "or more of both.",
            "Reliability: the probability of first hits, for needles and absent kinds together.",
            f"One search for things took {1000 * self.seconds:.0f} ms on average.",
            *self.notes,
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything, unrounded; None where there is nothing to measure."""
        rows = [(name, values) for name, _, *values in self._rows() if values]
        return {
            "version": self.version,
            "features": self.features,
            "rooms": self.rooms,
            "figures": {name: dict(zip(WAYS, map(number, values), strict=True)) for name, values in rows},
            "reliability": [_numbers(asdict(each)) for each in self.things.reliability],
            "sizes": {
                name: {
                    way: _size_json(group) for way, group in zip(WAYS, self._of_size(least, most), strict=True)
                }
                for name, least, most in SIZES
            },
            "relations": [
                {"predicate": each.predicate, "questions": each.questions, "things": each.wanted,
                 "precision": number(each.precision), "recall": number(each.recall)}
                for each in self.relations
            ],
            "seconds": self.seconds,
            "notes": self.sentences,
        }  # fmt: skip

    def _rows(self) -> list[tuple[Any, ...]]:
        """A name, how its values are written, and a value for each way of searching."""
        ways = (self.things, self.regions)

        def both(name: str, of: Any, shown: Any = percent) -> tuple[Any, ...]:
            return (name, shown, *(float(of(way)) for way in ways))

        rows = [both(f"needles by name: {name}", lambda way, of=of: of(way.needles("name"))) for name, of in _GROUP]
        rows += [both(f"all names: {name}", lambda way, of=of: of(way.words())) for name, of in _GROUP[2:]]
        rows += [
            both("all names: first hit merged %", lambda way: way.words().merged),
            both("all names: first ten merged %", lambda way: way.words().merged_share),
            both("all names: the thing twice in ten", lambda way: way.words().twice, _plain),
            both("all names: anything twice in ten", lambda way: way.words().twice_any, _plain),
            both("twins: both in one hit %", lambda way: way.twins_merged),
        ]
        for by in ("same room", "other room"):
            for taught, said in ((True, ""), (False, ", never taught")):
                group = [way.needles(by, taught) for way in ways]
                if any(each.asked for each in group):
                    rows.append((f"picture, {by}{said}: R@1 %", percent, *(each.recall_at_1 for each in group)))
        return [
            *rows,
            both("absent kinds called here %", lambda way: way.false_here),
            both("needles called here %", lambda way: way.true_here),
            both("AUROC needles / absent %", lambda way: way.absent_auroc),
            both("AUROC right first hits / absent %", lambda way: way.right_auroc),
        ]

    def _reliability(self) -> Table:
        rows: list[Row] = [
            (f"{each.low:g} to {each.high:g}", str(each.questions), percent(each.said), percent(each.right))
            for each in self.things.reliability
        ]
        return Table(("probability", "first hits", "mean %", "right %"), rows, ("probability",))

    def _sizes(self) -> Table:
        rows: list[Row] = []
        for name, least, most in SIZES:
            groups = self._of_size(least, most)
            cells = [percent(value) for each in groups for value in (each.recall_at_1, each.fits)]
            rows.append((name, str(len(groups[0].asked)), *cells))
        head = [f"{way}: {figure}" for way in WAYS for figure in ("R@1 %", "fits %")]
        return Table(("points of the needle", "asked", *head), rows, ("points of the needle",))

    def _of_size(self, least: float, most: float) -> Sequence[Group]:
        return [way.of_size(least, most) for way in (self.things, self.regions)]

    def _relations(self) -> Table:
        rows: list[Row] = [
            (each.predicate, str(each.questions), str(each.wanted), percent(each.precision), percent(each.recall))
            for each in self.relations
        ]
        return Table(("relation", "questions", "things", "precision %", "recall %"), rows, ("relation",))


_GROUP: tuple[tuple[str, Any], ...] = (
    ("scene R@1 %", lambda group: group.recall_at_1),
    ("scene R@5 %", lambda group: group.recall_at_5),
    ("first hit right %", lambda group: group.right),
    ("IoU of right ones %", lambda group: group.iou),
    ("right ones that fit %", lambda group: group.fits),
    ("AP25 %", lambda group: group.ap(0)),
    ("AP50 %", lambda group: group.ap(1)),
)


def _size_json(group: Group) -> dict[str, Any]:
    return {
        "needles": len(group.asked),
        "recall_at_1": number(group.recall_at_1),
        "fits": number(group.fits),
    }


def _plain(value: float) -> str:
    return f"{value:.2f}"


def _numbers(values: dict[str, float]) -> dict[str, float | None]:
    return {name: number(value) for name, value in values.items()}
