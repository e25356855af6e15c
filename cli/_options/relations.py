"""The options of a search that say where a thing stands, and the sentence that says all of it."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ...query.relations.expressions import Relation

_WITHIN = {"near": "Near", "beside": "Beside"}
_OF_ONE = {"on": "On", "under": "Under", "above": "Above", "below": "Below", "inside": "Inside"}
_SEEN = {"left_of": "LeftOf", "right_of": "RightOf", "in_front_of": "InFrontOf", "behind": "Behind"}
_ORDERS = {"largest": "Largest", "smallest": "Smallest", "highest": "Highest", "lowest": "Lowest"}
_DISTANCES = {"nearest_to": "NearestTo", "farthest_from": "FarthestFrom"}

_MEANING = {
    "near": "Only what is close to a thing that these words find; see --within. May be repeated.",
    "beside": "Near, at a common height, and neither on nor under it.",
    "on": "Standing on it.",
    "under": "With something of it above.",
    "above": "All of it higher than all of the landmark.",
    "below": "All of it lower than all of the landmark.",
    "inside": "With most of its points in the box of the landmark.",
    "left_of": "To the left of it, seen from the camera of --seen-from.",
    "right_of": "To the right of it.",
    "in_front_of": "On its near side.",
    "behind": "On its far side.",
    "largest": "Order the hits by size, the largest first.",
    "smallest": "The smallest first.",
    "highest": "Order the hits by height in their scene, the highest first.",
    "lowest": "The lowest first.",
    "nearest_to": "Order the hits by their distance from what these words find, the nearest first.",
    "farthest_from": "The farthest first.",
}


def relation_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The command is called with `relations`, and with the words of --ask as its text."""

    @wraps(function)
    def wrapper(*arguments: Any, **named: Any) -> Any:
        given = {name: named.pop(name) for name in _names()}
        said = _said(given)
        if given["ask"] is not None:
            if said or named["text"] is not None:
                raise click.UsageError("--ask says it all in one sentence: leave TEXT and options for relations out.")
            named["text"], said = _asked(given["ask"])
        if said:
            _require_sense(said)
        return function(*arguments, relations=said, **named)

    for option in reversed(_options()):
        wrapper = option(wrapper)
    return wrapper


def _require_sense(said: "tuple[Relation, ...]") -> None:
    from ...core.errors import Misused
    from ...query.relations.expressions import split

    try:
        split(said)
    except Misused as error:
        raise click.UsageError(str(error)) from error


def _options() -> list[Callable[..., Any]]:
    options = [
        click.option(
            "--ask", metavar="SENTENCE", help="Words and relations in one sentence: 'book on \"coffee table\"'."
        )
    ]
    for name in (*_WITHIN, *_OF_ONE):
        options.append(click.option(f"--{name}", multiple=True, metavar="WORDS", help=_MEANING[name]))
    options.append(
        click.option("--between", nargs=2, multiple=True, metavar="WORDS WORDS", help="Between two of them.")
    )
    for name in (*_WITHIN, *_OF_ONE):
        options.append(
            click.option(
                f"--not-{name}", multiple=True, metavar="WORDS", help=f"Only what is not {name} any such thing."
            )
        )
    options.append(
        click.option("--within", type=float, metavar="METRES", help="Distance of near and beside  [default: 0.5]")
    )
    for name in _SEEN:
        options.append(click.option(_flag(name), multiple=True, metavar="WORDS", help=_MEANING[name]))
    options.append(click.option("--seen-from", metavar="FRAME", help="A frame of the scene: FRAME or SCENE:FRAME."))
    for name in _ORDERS:
        options.append(click.option(_flag(name), is_flag=True, help=_MEANING[name]))
    for name in _DISTANCES:
        options.append(click.option(_flag(name), metavar="WORDS", help=_MEANING[name]))
    options.append(
        click.option("--nth", type=click.IntRange(1), default=1, metavar="N", help="Begin with the Nth in that order.")
    )
    return options


def _names() -> list[str]:
    negated = [f"not_{name}" for name in (*_WITHIN, *_OF_ONE)]
    return [*_WITHIN, *_OF_ONE, *_SEEN, *_ORDERS, *_DISTANCES, *negated, "between", "within", "seen_from", "nth", "ask"]


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _said(given: dict[str, Any]) -> "tuple[Relation, ...]":
    """The relations of the options; options that depend on others are refused alone."""
    if not any(given[name] for name in given if name not in ("nth", "ask")):
        return ()
    from ...core.errors import Misused
    from ...query import relations

    within = {} if given["within"] is None else {"within": given["within"]}
    if within and not any(given[name] for one in _WITHIN for name in (one, f"not_{one}")):
        raise click.UsageError("--within is the distance of --near or --beside: give one of them.")
    if (given["seen_from"] is None) == any(given[name] for name in _SEEN):
        raise click.UsageError(
            "--left-of, --right-of, --in-front-of and --behind need --seen-from FRAME, and it needs one of them."
        )
    said: list[Any] = []
    try:
        for name, kind in (_WITHIN | _OF_ONE).items():
            make = getattr(relations, kind)
            options = within if name in _WITHIN else {}
            said += [make(words, **options) for words in given[name]]
            said += [relations.Not(make(words, **options)) for words in given[f"not_{name}"]]
        said += [relations.Between(*pair) for pair in given["between"]]
        for name, kind in _SEEN.items():
            said += [getattr(relations, kind)(words, given["seen_from"]) for words in given[name]]
        said += [getattr(relations, kind)(given["nth"]) for name, kind in _ORDERS.items() if given[name]]
        for name, kind in _DISTANCES.items():
            said += [getattr(relations, kind)(given[name], given["nth"])] if given[name] is not None else []
    except Misused as error:
        raise click.UsageError(str(error)) from error
    return tuple(said)


def _asked(sentence: str) -> "tuple[str, tuple[Relation, ...]]":
    from ...core.errors import Misused
    from ...query.relations.grammar import BadSentence, parse

    try:
        found = parse(sentence)
    except BadSentence as error:
        raise click.UsageError(f"{error}\n\n{error.pointed}") from error
    except Misused as error:
        raise click.UsageError(str(error)) from error
    return found.words, found.relations
