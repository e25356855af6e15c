"""A thousand random compositions of relations, filters and choices answer what a plain oracle answers."""

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from ovstore.core.errors import Misused
from ovstore.core.features import OrientedBox
from ovstore.query.relations import (
    Above,
    And,
    Behind,
    Below,
    Beside,
    Between,
    FarthestFrom,
    Highest,
    InFrontOf,
    Inside,
    Largest,
    LeftOf,
    Lowest,
    Near,
    NearestTo,
    Not,
    On,
    Or,
    RightOf,
    Smallest,
    Under,
)  # fmt: skip
from ovstore.query.relations.expressions import Choice, Predicate, Relation, split
from ovstore.query.relations.selection import Target, selected
from ovstore.query.relations.verdicts import Placed, Surroundings, judge, scenes_where
from ovstore.store.search.relations.shapes import Shape, distance

WORDS = ("table", "sofa", "shelf")
STEP = 0.06
SCENES = 2
THINGS = 8


def block(rng: np.random.Generator) -> Shape:
    """A box of points that stands on the floor or on the height of a table."""
    size = rng.uniform(0.1, 1.2, 3)
    low = rng.uniform(0, 1.6, 3) * (1, 1, 0) + (0, 0, rng.choice([0.0, 0.5, rng.uniform(0, 1)]))
    sides = [np.linspace(a, a + b, max(2, round(b / 0.15) + 1)) for a, b in zip(low, size, strict=True)]
    points = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    return Shape(OrientedBox(low + size / 2, np.eye(3), size), lambda: points)


class World:
    """Scenes of a few things; each is, with some probability, what each of the words mean."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.targets, self.around = [], []
        for scene in range(SCENES):
            things = [(frozenset({number, 100 + number // 2}), block(rng)) for number in range(THINGS)]
            landmarks = {}
            for words in WORDS:
                weights = rng.uniform(0.1, 1, THINGS)
                landmarks[words] = [
                    Placed((scene, number), *things[number], float(weights[number]), bool(weights[number] >= 0.5))
                    for number in rng.permutation(THINGS)[: int(rng.integers(0, 4))]
                ]
            self.around.append(Surroundings(landmarks, {"0": rng.uniform(-3, 3, 3)} if scene else {}))
            for number, (superpoints, shape) in enumerate(things):
                fit = float(rng.choice([0.2, rng.uniform(0, 0.4)]))
                placed = Placed((scene, number), superpoints, shape)
                self.targets.append(Target(placed, scene, fit, bool(rng.integers(2))))


def random_relation(rng: np.random.Generator, depth: int = 0) -> Relation:
    kind = rng.integers(8 if depth < 3 else 4)
    words = [str(one) for one in rng.choice(WORDS, 2)]
    if kind >= 6:
        return Not(random_relation(rng, depth + 1))
    if kind >= 4:
        return (And, Or)[kind - 4](*(random_relation(rng, depth + 1) for _ in range(rng.integers(1, 4))))
    if kind == 3:
        return Between(*words)
    if kind == 2:
        seen: list[Any] = [LeftOf, RightOf, InFrontOf, Behind]
        return seen[rng.integers(4)](words[0], "0")  # type: ignore[no-any-return]
    if kind == 1:
        return (Near, Beside)[rng.integers(2)](words[0], float(rng.uniform(0.1, 1)))
    plain: list[Any] = [On, Under, Above, Below, Inside]
    return plain[rng.integers(5)](words[0])  # type: ignore[no-any-return]


def random_choice(rng: np.random.Generator) -> Choice | None:
    nth = int(rng.integers(1, 4))
    some: list[Choice | None] = [
        Largest(nth), Smallest(nth), Highest(nth), Lowest(nth), NearestTo("sofa", nth), FarthestFrom("table", nth)
    ]  # fmt: skip
    return [*some, *[None] * 6][rng.integers(12)]


def truth(relation: Any, thing: Placed, around: Surroundings) -> tuple[float, bool]:
    """Grade and whether it holds, by the definitions: a loop over every landmark there is."""
    if isinstance(relation, Predicate):
        if relation.seen_by and relation.seen_by not in around.viewers:
            return 0.0, False
        grades, holding = [0.0], False
        for filled in product(*(around.landmarks[words] for words in relation.landmarks)):
            whole = [thing, *filled]
            if any(a.superpoints & b.superpoints for k, a in enumerate(whole) for b in whole[:k]):
                continue
            own = relation.grade(thing.shape, [one.shape for one in filled], around.viewers.get(relation.seen_by or ""))
            grades.append(own * math.prod(one.weight for one in filled))
            holding |= own >= 0.5 and all(one.weight >= 0.5 for one in filled)
        return max(grades), holding
    if isinstance(relation, Not):
        grade, holds = truth(relation.relation, thing, around)
        return 1 - grade, not holds
    parts = [truth(part, thing, around) for part in relation.relations]
    if isinstance(relation, And):
        return math.prod(grade for grade, _ in parts), all(holds for _, holds in parts)
    return max(grade for grade, _ in parts), any(holds for _, holds in parts)


def plain_order(choice: Choice, thing: Placed, around: Surroundings) -> float | None:
    if isinstance(choice, NearestTo | FarthestFrom):
        there = around.landmarks[choice.landmark]
        metres = [
            distance(thing.shape, b.shape) for b in there if b.weight >= 0.5 and not b.superpoints & thing.superpoints
        ]
        return min(metres) * (1 if isinstance(choice, NearestTo) else -1) if metres else None
    size = float(np.linalg.norm(thing.shape.box.size))
    value = size if isinstance(choice, Largest | Smallest) else float(thing.shape.box.centre[2])
    return -value if isinstance(choice, Largest | Highest) else value


def oracle(world: World, allowed: set[int], said: list[Relation], top: int) -> list[tuple[int, int]]:
    """Every thing is judged, and all of them are sorted."""
    choice = next((one for one in said if isinstance(one, Choice)), None)
    held = [one for one in said if not isinstance(one, Choice)]
    keys = []
    for place in sorted(allowed):
        target = world.targets[place]
        around = world.around[target.scene]
        verdicts = [truth(one, target.placed, around) for one in held]
        if not all(holds for _, holds in verdicts) or (choice and not target.likely):
            continue
        if choice is None:
            key = -(target.fit + STEP * math.log(max(math.prod(grade for grade, _ in verdicts), 1e-30)))
        else:
            order = plain_order(choice, target.placed, around)
            if order is None:
                continue
            key = order
        keys.append((key, -target.fit if choice else 0, place))
    first = choice.nth - 1 if choice else 0
    return [world.targets[place].placed.found for _, _, place in sorted(keys)[first:][:top]]


def test_a_thousand_random_compositions_are_what_the_oracle_says() -> None:
    rng = np.random.default_rng(11)
    worlds = [World(seed) for seed in range(10)]
    answered = 0
    for number in range(1000):
        world = worlds[number % len(worlds)]
        said: list[Relation] = [random_relation(rng) for _ in range(rng.integers(0, 3))]
        choice = random_choice(rng)
        said += [choice] if choice else []
        allowed = {place for place in range(len(world.targets)) if rng.random() < 0.8}
        top = int(rng.integers(1, 15))
        relation = And(*held) if (held := [one for one in said if not isinstance(one, Choice)]) else None
        targets = [world.targets[place] for place in sorted(allowed)]
        found = selected(targets, relation, choice, lambda s, w=world: w.around[s], lambda s: 0.0, top, STEP)  # type: ignore[misc]
        assert [one.target.placed.found for one in found] == oracle(world, allowed, said, top), said
        answered += bool(found) and bool(said)
    assert answered > 250, "most of them must have an answer"


def test_relations_hold_only_in_the_scenes_that_have_their_landmarks() -> None:
    rng = np.random.default_rng(12)
    everywhere = frozenset(range(SCENES))
    left_out = 0
    for seed in range(100):
        world = World(seed % 20)
        known = {
            words: frozenset(s for s in everywhere if any(one.counts for one in world.around[s].landmarks[words]))
            for words in WORDS
        }
        relation = random_relation(rng)
        possible = scenes_where(relation, known, {"0": 1})
        left_out += possible is not None and possible != everywhere
        for target in world.targets:
            if judge(relation, target.placed, world.around[target.scene]).holds:
                assert possible is None or target.scene in possible
    assert left_out > 10


def test_what_made_a_relation_true_is_named_and_makes_it_true() -> None:
    rng = np.random.default_rng(13)
    named = 0
    for seed in range(60):
        world, relation = World(seed % 20), random_relation(rng, depth=3)
        for target in world.targets:
            verdict = judge(relation, target.placed, world.around[target.scene])
            assert bool(verdict.reasons) == verdict.holds
            if verdict.reasons:
                landmarks = [reason.landmark for reason in verdict.reasons]
                assert all(one.counts and not one.overlaps(target.placed) for one in landmarks)
                viewer = world.around[target.scene].viewers.get("0")
                assert relation.grade(target.placed.shape, [one.shape for one in landmarks], viewer) >= 0.5  # type: ignore[union-attr]
                named += 1
    assert named > 20


def test_a_contradiction_is_refused_and_nothing_can_answer_it() -> None:
    world, said = World(1), [On("table"), Not(On("table"))]
    assert oracle(world, set(range(len(world.targets))), said, 10) == []
    with pytest.raises(Misused, match="contradict"):
        split(said)
