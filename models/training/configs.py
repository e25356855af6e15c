"""Options by name, out of `named_configs/`, or out of a person's own TOML file."""

import tomllib
import typing
from dataclasses import asdict, fields
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from ...core.errors import BadInput, NotFound
from ...core.regular import require_file
from ...core.wording import did_you_mean
from .options import TrainingOptions

MAX_BYTES = 100_000


def names() -> list[str]:
    """The configurations there are, sorted."""
    return sorted(file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml"))


def named(name: str) -> TrainingOptions:
    """The options of that name, or of the file where `name` ends with .toml.

    A file holds fields of Options. `like = "NAME"` takes those of a named one for what it leaves out; else defaults do.
    """
    if name.endswith(".toml"):
        return _options(name, _read(Path(name)))
    if name not in names():
        raise NotFound(f"No configuration named {name!r}.{did_you_mean(name, names())} Known: {', '.join(names())}.")
    return _options(name, (_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def _folder() -> Traversable:
    return files(__package__) / "named_configs"


def _read(path: Path) -> str:
    try:
        if (size := require_file(path)) > MAX_BYTES:
            raise BadInput(f"{path}: {size:,} bytes; a configuration has at most {MAX_BYTES:,}.")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}; the name of a configuration or a TOML file was expected.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path}: not a text file in UTF-8.") from error


def _options(name: str, text: str) -> TrainingOptions:
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"{name} is not TOML: {error}.") from error
    like = values.pop("like", None)
    if like is not None and like not in names():
        raise BadInput(f"{name}: like is {like!r}.{did_you_mean(str(like), names())} Known: {', '.join(names())}.")
    hints = typing.get_type_hints(TrainingOptions)
    known = [field.name for field in fields(TrainingOptions)]
    for key in values:
        if key not in known:
            raise BadInput(f"{name}: no option {key!r}.{did_you_mean(key, known)} Known: like, {', '.join(known)}.")
    given = {key: _value(name, key, value, hints[key]) for key, value in values.items()}
    try:
        return TrainingOptions(**(asdict(named(like)) if like else {}) | given)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from error


def _value(name: str, key: str, value: Any, hint: Any) -> Any:
    """Whole numbers may stand for others, lists for tuples; nothing else is turned into anything."""
    if typing.get_origin(hint) is typing.Literal:
        if value in typing.get_args(hint):
            return value
        raise BadInput(f"{name}: {key} is {value!r}; {', '.join(map(repr, typing.get_args(hint)))} was expected.")
    if typing.get_origin(hint) is tuple and isinstance(value, list):
        return tuple(_value(name, key, each, typing.get_args(hint)[0]) for each in value)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint:
        return value
    expected = {int: "a whole number", float: "a number"}.get(hint, "a list of numbers")
    raise BadInput(f"{name}: {key} is {value!r}; {expected} was expected.")
