"""Frozen dataclasses as command-line options: a field frame_stride with help becomes --frame-stride."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click


def options_of(cls: type, defaults: Mapping[str, Any] = MappingProxyType({})) -> list[click.Option]:
    """One click option for each field of `cls` that carries metadata={"help": ...}.

    Help tells of a field's default, or of that in `defaults`, which the command puts in its place.
    """
    hints = typing.get_type_hints(cls)
    return [
        _option(field, hints[field.name], defaults.get(field.name, field.default))
        for field in dataclasses.fields(cls)
        if "help" in field.metadata and field.init
    ]


def named_fields(cls: type, params: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a command's parameters that are fields of `cls` and were chosen."""
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: value for name, value in params.items() if name in names and value is not None}


def _option(field: "dataclasses.Field[Any]", hint: Any, default: Any) -> click.Option:
    flag = "--" + field.name.replace("_", "-")
    shown = "" if default in (None, dataclasses.MISSING, "", ()) else f"  [default: {_shown(default)}]"
    help_text = f"{field.metadata['help']}{shown}"
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}"], default=None, help=help_text)
    hint = _without_none(hint)
    if typing.get_origin(hint) is tuple:
        parts = typing.get_args(hint)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return click.Option([flag], type=_Listed(_type(parts[0])), default=None, help=help_text)
        return click.Option([flag], type=tuple(_type(part) for part in parts), default=None, help=help_text)
    return click.Option([flag], type=_type(hint), default=None, help=help_text)


class _Listed(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """Values separated by commas, as a tuple."""

    name = "list"

    def __init__(self, part: Any) -> None:
        self.part = click.types.convert_type(part)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(self.part.convert(item.strip(), param, ctx) for item in value.split(","))


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    return ",".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        [hint] = [part for part in typing.get_args(hint) if part is not type(None)]
    return hint


def _type(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        return click.Choice([str(value) for value in typing.get_args(hint)])
    if hint is Path:
        return click.Path(path_type=Path)
    return hint
