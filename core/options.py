"""An options dataclass made of the values that somebody chose by name; the other fields keep their defaults."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from .annotated import require
from .errors import BadInput
from .wording import did_you_mean

_Options = TypeVar("_Options")


def chosen(kind: type[_Options], values: Mapping[str, Any], of: str) -> _Options:
    """`kind` with those values, see `converted`."""
    return kind(**converted(kind, values, of))


def converted(kind: type, values: Mapping[str, Any], of: str) -> dict[str, Any]:
    """The values with the types of `kind`'s fields: an int becomes a float, text a path, a list a tuple.

    BadInput for a name that is no option `of` what is named, and for a value of another type.
    """
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind) if field.init]
    for name in values:
        if name not in known:
            raise BadInput(
                f"{of} has no option {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(known) or 'none'}."
            )
    made = {name: _converted(value, hints[name]) for name, value in values.items()}
    for name, value in made.items():
        require(value, hints[name], name)
    return made


def _converted(value: Any, hint: Any) -> Any:
    """The value as the annotation has it, where nothing is lost; else as it is."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        return _converted(value, kinds[0]) if len(kinds) == 1 and value is not None else value
    if typing.get_origin(hint) is tuple and isinstance(value, list | tuple):
        parts = typing.get_args(hint)
        part_of = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        return tuple(map(_converted, value, part_of)) if len(value) == len(part_of) else tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    return value
