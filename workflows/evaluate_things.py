"""How well whole things are found: every question of a frozen benchmark, asked of its houses one by one."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core.annotated import check_fields, checked, several
from ..core.errors import BadInput, UnknownWords
from ..core.features import Hit, Query
from ..core.wording import counted
from ..evaluation.retrieval.collection import Collection, collect
from ..evaluation.retrieval.picture_list import Picture
from ..evaluation.scenes import select
from ..evaluation.things.answers import (
    TOP,
    By,
    FoundThing,
    Measured,
    TwinsAsked,
    measured,
    twins_asked,
)
from ..evaluation.things.bench_files import Bench, read_bench
from ..evaluation.things.figures import HERE, ThingFigures
from ..evaluation.things.relations import RelationQuestion, relation_figures, relation_questions
from ..evaluation.things.report import ThingReport
from ..evaluation.things.rooms import Room, load_room
from ..ingest.report import Report, quiet
from ..query.encode import Encoder, encoder_of, in_box, unit
from ..query.relations import Below, Beside, Between, Inside, Near, On, Under
from ..query.relations.expressions import Predicate
from ..query.relations.verdicts import Placed, Surroundings, judge
from ..query.rivals import Rivals, rivals_of
from ..store.catalog import leases
from ..store.postgres.database import Database
from ..store.search import search as store_search
from ..store.search.relations.shapes import shape_of

_TAUGHT = "tiny"  # the encoder that was taught generated rooms, but for some kinds of the benchmark
_PREDICATES: Mapping[str, Callable[..., Predicate]] = {
    "on": On, "under": Under, "below": Below, "inside": Inside, "near": Near, "beside": Beside, "between": Between,
}  # fmt: skip
SIMULATED = "simulated-"  # feature sets called so hold DIR/simulated/LEVEL, whose pictures lie beside


@dataclass(frozen=True, kw_only=True)
class ThingsRequest:
    """What is asked of which scenes."""

    bench: Path  # what `ovstore generate bench2` wrote
    features: str | None = None  # name or id; None: what most scenes have
    datasets: tuple[str, ...] = ()
    houses: int | None = None  # only the first ones; None: all that the store has

    def __post_init__(self) -> None:
        check_fields(self)
        if self.houses is not None and self.houses < 1:
            raise BadInput(f"The number of houses must be at least 1, not {self.houses}.")


@checked
def evaluate_things(
    store: Database,
    bench: str | Path,
    *,
    features: str | None = None,
    datasets: str | Sequence[str] = (),
    houses: int | None = None,
    progress: Callable[[str, int, int], None] = quiet,
) -> ThingReport:
    """Ask all questions of a benchmark that `ovstore generate bench2` wrote and that the store has ingested.

    Each is asked for things and for stored regions. BadInput where the store has none of its houses whole.
    """
    request = ThingsRequest(bench=Path(bench), features=features, datasets=several(datasets), houses=houses)
    return evaluate_things_by(store, request, progress)


def evaluate_things_by(store: Database, request: ThingsRequest, report: Report = quiet) -> ThingReport:
    """The evaluation that a request describes; what the catalog names stays readable until the end."""
    bench = read_bench(request.bench)
    with leases.reading(store):
        collection = collect(store, select(store, None, request.datasets), request.features)
        held = {scene.name: number for number, scene in enumerate(collection.scenes)}
        whole = [k for k, house in enumerate(bench.houses) if held.keys() >= set(house.scenes)][: request.houses]
        if not whole:
            raise BadInput(
                f"The store has no house of {request.bench} with all of its rooms. "
                f"Ingest them: ovstore ingest rgbd {request.bench}"
            )
        asking = _Asking(bench, collection)
        for done, house in enumerate(whole):
            report("houses", done, len(whole))
            asking.house(house, {name: held[name] for name in bench.houses[house].scenes})
        report("houses", len(whole), len(whole))
    return asking.report(whole)


@dataclass
class _Asking:
    """The questions as they are asked, and what was measured so far."""

    bench: Bench
    collection: Collection
    things: list[Measured] = field(default_factory=list)
    regions: list[Measured] = field(default_factory=list)
    twins: list[TwinsAsked] = field(default_factory=list)
    region_twins: list[TwinsAsked] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)  # words that the encoder does not know
    seconds: list[float] = field(default_factory=list)  # of searches for things
    related: list[tuple[RelationQuestion, list[FoundThing]]] = field(default_factory=list)
    rooms: dict[str, Room] = field(default_factory=dict)  # of all houses so far

    def __post_init__(self) -> None:
        store, space = self.collection.store, self.collection.space
        self.encoder: Encoder = encoder_of(self.collection.sets[0].recipe, space, store=store)

    def house(self, number: int, scenes: Mapping[str, int]) -> None:
        """All questions to one house, whose scenes have these places in the collection."""
        house, store = self.bench.houses[number], self.collection.store
        rooms = {
            name: load_room(
                store,
                self.collection.scenes[k],
                self.collection.sets[k],
                self.bench.objects[name],
                self.bench.relations[name],
            )
            for name, k in scenes.items()
        }
        truths = {name: room.truth for name, room in rooms.items()}
        pool = (*house.held, *house.absent)
        names = sorted({name for room in rooms.values() for name in room.asked_for} | set(pool))
        ask = partial(
            self._both, rooms=rooms, scenes=tuple(self.collection.scenes[k].full_name for k in scenes.values())
        )
        present: dict[str, list[FoundThing]] = {}
        for label in names:
            vector = self._words(label)
            if vector is not None:
                record = partial(measured, label, "name", number, label in pool, truths=truths)
                things, regions = ask(vector, rivals_of(self.encoder, label))
                self._keep(record(things), record(regions))
                present[label] = [hit for hit in things if (hit.probability or 0) >= HERE]
        for label in house.held:
            by: By
            for by, picture in (
                ("same room", self.bench.pictures[house.held[label]]),
                ("other room", self.bench.picture_from_elsewhere(number, label)),
            ):
                if picture is not None:
                    found = ask(self._picture(picture), None)
                    self._keep(*(measured(label, by, number, True, hits, truths) for hits in found))
        for name, room in rooms.items():
            for pair in room.twins:
                self._twins(room, pair, ask, self.collection.scenes[scenes[name]].full_name)
        self.rooms |= rooms
        placed = {label: _placed(hits, rooms) for label, hits in present.items()}
        self.related += [
            (question, _related(question, placed))
            for question in relation_questions(rooms, number)
            if {question.target, *question.landmarks} <= placed.keys()
        ]

    def _twins(
        self, room: Room, pair: tuple[int, int], ask: Callable[..., Sequence[Sequence[FoundThing]]], scene: str
    ) -> None:
        label = room.truth.name[pair[0]]
        vector = self._words(label)
        if vector is not None:
            things, regions = ask(vector, rivals_of(self.encoder, label), scenes=(scene,))
            self.twins.append(twins_asked(label, pair, room.truth, things))
            self.region_twins.append(twins_asked(label, pair, room.truth, regions))

    def _keep(self, things: Measured, regions: Measured) -> None:
        self.things.append(things)
        self.regions.append(regions)

    def _words(self, label: str) -> NDArray[np.float32] | None:
        """The vector of a name; None where the encoder does not know it."""
        try:
            if label in self.bench.untaught and self.encoder.name == _TAUGHT:
                raise UnknownWords(label)
            found: NDArray[np.float32] = self.encoder.texts([label])[0]
        except UnknownWords:
            self.unknown.add(label)
            return None
        return found

    def _picture(self, picture: Picture) -> NDArray[np.float32]:
        """The vector of a picture: by the encoder, or from the maps of the simulated one."""
        if self.collection.name.startswith(SIMULATED):
            level = self.collection.name.removeprefix(SIMULATED)
            values = np.load(
                self.bench.folder / "simulated" / level / "queries" / f"{picture.path.stem}.npy", allow_pickle=False
            ).astype(np.float32)
            cells = values if picture.box_xyxy is None else in_box(values, picture.box_xyxy, 320, 240)
            return unit(cells.reshape(-1, values.shape[-1]).mean(axis=0))
        return self.encoder.picture(picture.path, picture.box_xyxy)

    def _both(
        self,
        vector: NDArray[np.float32],
        weighed: Rivals | None,
        rooms: Mapping[str, Room],
        scenes: tuple[str, ...],
    ) -> tuple[list[FoundThing], list[FoundThing]]:
        """What a search answers to words (with a background) or to a picture: things, and stored regions."""
        options = self.encoder.thing_options
        query = Query(
            vector,
            self.collection.space,
            top=TOP,
            scenes=scenes,
            background=None if weighed is None else weighed.background,
            rivals=None if weighed is None else weighed.rivals,
            feature_set=self.collection.name,
            exact=True,
            thing_options=options if weighed is not None else options.for_examples(),
        )
        started = time.process_time()
        things = store_search.search(self.collection.store, query)
        self.seconds.append(time.process_time() - started)
        regions = store_search.search(self.collection.store, replace(query, ungrouped=True))
        return [_found(hit, rooms) for hit in things], [_found(hit, rooms) for hit in regions]

    def report(self, houses: Sequence[int]) -> ThingReport:
        """What all that was asked comes to."""
        untaught, notes = self.bench.untaught, list(self.collection.notes)
        if self.unknown:
            notes.append(f"The encoder has no word for {', '.join(sorted(self.unknown))}: asked by picture alone.")
        if len(houses) < len(self.bench.houses):
            notes.append(f"{counted(len(houses), 'house')} of {len(self.bench.houses)}: figures of all of them differ.")
        return ThingReport(
            self.bench.version,
            self.collection.name,
            sum(len(self.bench.houses[k].scenes) for k in houses),
            len(houses),
            ThingFigures(tuple(self.things), tuple(self.twins), untaught),
            ThingFigures(tuple(self.regions), tuple(self.region_twins), untaught),
            relation_figures(self.related, self.rooms),
            float(np.mean(self.seconds)) if self.seconds else float("nan"),
            tuple(notes),
        )


def _found(hit: Hit, rooms: Mapping[str, Room]) -> FoundThing:
    """A hit as the superpoints of its room."""
    superpoints = hit.superpoints if hit.level == "thing" else rooms[hit.scene].regions[hit.level][hit.ordinal].tolist()
    return FoundThing(hit.scene, superpoints, hit.score, hit.probability, hit.oriented_box)


def _placed(hits: Sequence[FoundThing], rooms: Mapping[str, Room]) -> list[Placed]:
    """Hits as relations see them."""
    found = []
    for hit in hits:
        room = rooms[hit.scene]
        rows = np.flatnonzero(np.isin(room.superpoint, np.fromiter(hit.superpoints, np.int64)))
        assert hit.box is not None
        shape = shape_of(hit.box, room.up_axis, partial(room.xyz.__getitem__, rows))
        found.append(Placed(hit, frozenset(hit.superpoints), shape, hit.probability or 0))
    return found


def _related(question: RelationQuestion, placed: Mapping[str, Sequence[Placed]]) -> list[FoundThing]:
    """The things of the target's name for which the relation holds, among the landmarks of their rooms."""
    relation = _PREDICATES[question.predicate](*question.landmarks)
    found: list[FoundThing] = []
    for thing in placed[question.target]:
        own: FoundThing = thing.found
        beside = {name: [each for each in placed[name] if each.found.scene == own.scene] for name in question.landmarks}
        if judge(relation, thing, Surroundings(beside, {})).holds:
            found.append(own)
    return found
