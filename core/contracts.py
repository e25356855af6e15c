"""What a plug-in defines: each registry has a Protocol for what every file must define, and one per optional ability.

    CONTRACT = Contract("encoder", Encoder, (HasWeights, ReadsFrameMaps))      # in the registry's __init__.py

    if (reader := offers(encoder, ReadsFrameMaps)) is not None:
        maps = reader.load_frame_maps(options, scene)

A test holds our own files to the names and annotations; plug-ins of third parties are held when they are loaded.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .errors import BadPlugin

Part = TypeVar("Part")


@dataclass(frozen=True)
class Contract:
    """The Protocols of one registry."""

    noun: str  # what people call an entry: "encoder"
    required: type
    optional: tuple[type, ...] = ()


def members(protocol: type) -> tuple[str, ...]:
    """The names that a Protocol of this house speaks of, in its order."""
    annotated = inspect.get_annotations(protocol)
    functions = [name for name, value in vars(protocol).items() if inspect.isfunction(value)]
    return tuple(name for name in (*annotated, *functions) if not name.startswith("_"))


def offers(plugin: Any, part: Callable[..., Part]) -> Part | None:
    """`plugin` as one that has the optional ability `part`, a Protocol; None where it has not."""
    return plugin if all(name in vars(plugin) for name in members(part)) else None  # type: ignore[arg-type]


def require(plugin: Any, name: str, contract: Contract, registry: str) -> None:
    """BadPlugin with one sentence that says what `plugin` lacks, or defines so that it cannot be called."""
    for protocol in (contract.required, *contract.optional):
        found = [each for each in members(protocol) if each in vars(plugin)]
        if protocol is not contract.required and not found:
            continue
        for each in members(protocol):
            if each not in found:
                why = f"it has no {each}{_signature(protocol, each)}"
            elif (why := _cannot_be_called(getattr(plugin, each), getattr(protocol, each, None))) != "":
                why = f"{each}{_signature(protocol, each)} was expected: {why}"
            if why:
                raise BadPlugin(
                    f"The {contract.noun} {name!r} ({plugin.__name__}) cannot be used: {why}. The docstring of "
                    f"{registry} says what it must define."
                )


def _signature(protocol: type, name: str) -> str:
    """ "(root, options)", or nothing for what is no function."""
    function = getattr(protocol, name, None)
    return f"({', '.join(_parameters(function))})" if inspect.isfunction(function) else ""


def _parameters(function: Callable[..., Any]) -> list[str]:
    return [name for name in inspect.signature(function).parameters if name != "self"]


def _cannot_be_called(found: Any, expected: Any) -> str:
    """Why `found` does not take the arguments of the Protocol's function `expected`; "" where it does."""
    if not inspect.isfunction(expected):
        return ""
    if not callable(found):
        return f"it is of type {type(found).__name__}"
    try:
        inspect.signature(found).bind(*_parameters(expected))
    except (TypeError, ValueError) as error:
        return str(error)
    return ""
