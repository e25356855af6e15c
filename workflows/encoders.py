"""What each encoder can be asked, and what this machine lacks for it; nothing is downloaded."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..core import plugins
from ..core.contracts import offers
from ..core.errors import BadPlugin, MissingPackage, OvstoreError
from ..models.encoders import Encoder, HasVocabulary, HasWeights, NeedsPackage

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class FoundEncoder:
    """One encoder, as far as this machine has it."""

    name: str
    summary: str
    asked: str  # what a question may be
    vocabulary: tuple[str, ...] | None  # every word that it knows, where those can be counted
    weights: str  # a word or two
    about_weights: str  # where they are, or how they come
    missing_package: str | None  # what to install

    def to_dict(self) -> dict[str, Any]:
        """What `ovstore encoders NAME --json` prints."""
        return asdict(self)


def find_encoders() -> list[FoundEncoder]:
    """All of them, by name; one of a third party that cannot be used is missing, and hides no other."""
    return [_found_or_reason(name) for name in plugins.names("models.encoders")]


def _found_or_reason(name: str) -> FoundEncoder:
    try:
        return find_encoder(name)
    except BadPlugin as error:
        return FoundEncoder(name, "", "", None, "", "", str(error))


def find_encoder(name: str) -> FoundEncoder:
    """The encoder of that name; an unknown one is met with the nearest."""
    summary = plugins.summary("models.encoders", name)
    try:
        plugin = plugins.load("models.encoders", name, noun="encoder")
    except MissingPackage as error:
        return FoundEncoder(name, summary, "", None, "", "", str(error))
    options = plugin.Options()
    counted = offers(plugin, HasVocabulary)
    words = None if counted is None else counted.vocabulary(options)
    needing = offers(plugin, NeedsPackage)
    package = None if needing is None else needing.missing_package()
    sentence = None if package is None else plugins.missing_package_sentence(name, package)
    return FoundEncoder(name, summary, _asked(plugin, options, words), words, *_weights(plugin, options), sentence)


def _asked(plugin: Encoder, options: Any, words: tuple[str, ...] | None) -> str:
    if words is not None:
        return f"{len(words)} words, images, regions"
    try:
        return "words, images, regions" if plugin.background_texts(options) else "images, regions"
    except OvstoreError:  # of files, which say what they may be asked
        return "depends on its files"


def _weights(plugin: Encoder, options: Any) -> tuple[str, str]:
    weights = offers(plugin, HasWeights)
    if weights is None:
        return "none needed", "none needed"
    try:
        path = weights.weights_file(options)
    except OvstoreError as error:
        return "missing", str(error)
    if path is None:
        return "downloaded at first use", f"those of {options.model} are downloaded at first use"
    return ("shipped" if Path(path).is_relative_to(_PACKAGE) else "found"), str(path)
