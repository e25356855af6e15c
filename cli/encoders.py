"""ovstore encoders: what turns pixels and words into vectors, and what is missing for it here."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ._options.completion import complete_encoder
from ._options.named_store import store_folder
from ._options.shared import json_option, print_json, print_table, say

if TYPE_CHECKING:
    from ..models.encoders import Encoder


@dataclass(frozen=True)
class _Found:
    """One encoder, as far as this machine has it."""

    name: str
    summary: str
    asked: str  # what a question may be
    vocabulary: tuple[str, ...] | None  # every word that it knows, where those can be counted
    weights: str  # a word or two
    about_weights: str  # where they are, or how they come
    missing_package: str | None  # what to install


@click.command("encoders")
@click.argument("name", required=False, shell_complete=complete_encoder)
@json_option
def command(name: str | None, as_json: bool) -> None:
    """List the encoders, what they accept, and what is missing.

    Weights and packages are looked up on this machine; nothing is downloaded. With NAME, every word that the encoder
    knows is listed too, if its vocabulary is finite.

    \b
    Examples:
      ovstore encoders
      ovstore encoders tiny
    """
    from dataclasses import asdict

    from ..core import plugins, settings

    chosen = settings.encoder(Path(store_folder()))
    if name is not None:
        found = _look(name)
        if as_json:
            print_json(asdict(found))
        else:
            _print(found)
        return
    all_found = [_look(each) for each in plugins.names("models.encoders")]
    if as_json:
        print_json([asdict(found) | {"default": found.name == chosen.value} for found in all_found])
        return
    print_table(
        ("encoder", "queries", "weights", "packages"),
        [
            (found.name, found.asked, found.weights, "missing" if found.missing_package else "installed")
            for found in all_found
        ],
    )
    say(
        f"Without --encoder: {chosen.value} ({chosen.origin}). For the details, requirements and vocabulary of one "
        "encoder: ovstore encoders tiny",
        err=True,
    )


def _look(name: str) -> _Found:
    from ..core import plugins
    from ..core.contracts import offers
    from ..core.errors import MissingPackage
    from ..models.encoders import HasVocabulary, NeedsPackage

    summary = plugins.summary("models.encoders", name)
    try:
        plugin = plugins.load("models.encoders", name, noun="encoder")
    except MissingPackage as error:
        return _Found(name, summary, "", None, "", "", str(error))
    options = plugin.Options()
    counted = offers(plugin, HasVocabulary)
    words = None if counted is None else counted.vocabulary(options)
    needing = offers(plugin, NeedsPackage)
    package = None if needing is None else needing.missing_package()
    sentence = None if package is None else plugins.missing_package_sentence(name, package)
    return _Found(name, summary, _asked(plugin, options, words), words, *_weights(plugin, options), sentence)


def _asked(plugin: "Encoder", options: Any, words: tuple[str, ...] | None) -> str:
    from ..core.errors import OvstoreError

    if words is not None:
        return f"{len(words)} words, images, regions"
    try:
        return "words, images, regions" if plugin.background_texts(options) else "images, regions"
    except OvstoreError:  # of files, which say what they may be asked
        return "depends on its files"


def _weights(plugin: "Encoder", options: Any) -> tuple[str, str]:
    from ..core.contracts import offers
    from ..core.errors import OvstoreError
    from ..models.encoders import HasWeights

    weights = offers(plugin, HasWeights)
    if weights is None:
        return "none needed", "none needed"
    try:
        path = weights.weights_file(options)
    except OvstoreError as error:
        return "missing", str(error)
    if path is None:
        return "downloaded at first use", f"those of {options.model} are downloaded at first use"
    shipped = Path(path).is_relative_to(Path(__file__).parent.parent)
    return ("shipped" if shipped else "found"), str(path)


def _print(found: _Found) -> None:
    say(f"{found.name}: {found.summary}")
    if found.missing_package is not None:
        say(f"  missing: {found.missing_package}")
    if found.asked:
        say(f"  queries: {found.asked}", f"  weights: {found.about_weights}")
    if found.vocabulary is not None:
        import textwrap

        say("", *textwrap.wrap(", ".join(found.vocabulary), 100, initial_indent="  ", subsequent_indent="  "))
    say(f"Its options: ovstore ingest scannet --encoder {found.name} --help", err=True)
