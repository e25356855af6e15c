"""Values are held to the annotations of the parameters and fields they are given for; a mistake is one sentence."""

import collections.abc
import dataclasses
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

import numpy as np

from .errors import BadInput

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

_NAME_MAX, _PATH_MAX = 255, 4095  # bytes, on all file systems that ovstore runs on
_WORDS = {
    None: "None", types.NoneType: "None", bool: "True or False", int: "a whole number", float: "a number",
    str: "text", bytes: "bytes", Path: "a path", np.ndarray: "a NumPy array of numbers", dict: "a dict",
    collections.abc.Callable: "a function",
}  # fmt: skip


def checked(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """The function, refusing arguments of other types than it is annotated with; missing ones stay Python's affair."""
    signature, hints = inspect.signature(function), _Hints(function)

    @functools.wraps(function)
    def wrapper(*given: _Parameters.args, **named: _Parameters.kwargs) -> _Result:
        for name, value in signature.bind(*given, **named).arguments.items():
            if name in hints.all:
                require(value, hints.all[name], name)
        return function(*given, **named)

    return wrapper


def check_fields(value: object) -> None:
    """For `__post_init__`: every field of the dataclass is what its annotation says."""
    kind: Any = type(value)
    for name, annotation in _of_class(kind).items():
        require(getattr(value, name), annotation, f"{kind.__name__}.{name}")


def require(value: Any, annotation: Any, what: str) -> None:
    """BadInput unless the value is of the annotated type. Lists do for tuples, NumPy's numbers for Python's."""
    if not _fits(value, annotation):
        value = value[:200] if isinstance(value, str | bytes) else value
        found = repr(value) if isinstance(value, str | bytes | int | float | None) else f"{type(value).__name__}"
        raise BadInput(f"{what} must be {_wording(annotation)}, not {found[:200]}.")
    if isinstance(value, Path) and "\0" in str(value):
        raise BadInput(f"{what} holds a NUL character, which no path can.")
    if isinstance(value, str | Path) and _is_path(annotation):
        _require_possible_names(Path(value), what)


@functools.cache
def _is_path(annotation: Any) -> bool:
    """Whether text given for it is taken as a path, or as the name of one."""
    return annotation is Path or any(one is Path for one in get_args(annotation))


def _require_possible_names(path: Path, what: str) -> None:
    longest = max((len(os.fsencode(part)) for part in path.parts), default=0)
    if longest > _NAME_MAX:
        raise BadInput(
            f"{what} is too long: it holds a name of {longest:,} bytes; a file or folder can have {_NAME_MAX} at most."
        )
    if len(os.fsencode(path)) > _PATH_MAX:
        raise BadInput(
            f"{what} is too long: it has {len(os.fsencode(path)):,} bytes; {_PATH_MAX:,} at most are possible."
        )


def several(names: str | Sequence[str]) -> tuple[str, ...]:
    """For arguments that take one name or a list: one name is a list of one, not of its letters."""
    return (names,) if isinstance(names, str) else tuple(names)


class _Hints:
    """A function's annotations, resolved when they are first needed: a class may be annotated with itself."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    @functools.cached_property
    def all(self) -> dict[str, Any]:
        return typing.get_type_hints(self._function)


@functools.cache
def _of_class(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@functools.cache
def _parts(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(annotation), get_args(annotation)


def _fits(value: Any, annotation: Any) -> bool:
    if type(value) is annotation:  # nearly all, and a search checks hundreds
        return True
    origin, arguments = _parts(annotation)
    if annotation is Any or isinstance(annotation, TypeVar):
        return True
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is np.ndarray:
        return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    if origin is tuple:
        return _fits_tuple(value, arguments)
    if origin is collections.abc.Sequence:
        return isinstance(value, list | tuple | range) and all(_fits(one, arguments[0]) for one in value)
    if annotation is None:
        return value is None
    if annotation is float:
        return isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    if annotation is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if annotation is bool:
        return isinstance(value, bool | np.bool_)
    if annotation is Path:
        return isinstance(value, os.PathLike)
    return isinstance(value, origin or annotation) if isinstance(origin or annotation, type) else True


def _fits_tuple(value: Any, arguments: tuple[Any, ...]) -> bool:
    if not isinstance(value, tuple | list):
        return False
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return all(_fits(one, arguments[0]) for one in value)
    return len(value) == len(arguments) and all(map(_fits, value, arguments))


def _wording(annotation: Any) -> str:
    origin, arguments = _parts(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_wording(one) for one in arguments)
    if origin is Literal:
        return " or ".join(repr(one) for one in arguments)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"{len(arguments)} values, each {_wording(arguments[0])}"
    if origin in (tuple, collections.abc.Sequence):
        return f"a sequence whose items are each {_wording(arguments[0])}"
    kind = origin or annotation
    wording: str | None = getattr(kind, "WORDING", None)
    return wording or _WORDS.get(kind) or f"{'an' if kind.__name__[0] in 'AEIOU' else 'a'} {kind.__name__}"
