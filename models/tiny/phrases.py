"""What can be said of a thing, and of which things it is true: the language that the tiny model is trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ANYTHING = ("something", "an object", "a thing", "something else")
_NOUN_TEMPLATES = (
    "{}", "{}", "a {}", "the {}", "a photo of a {}", "a picture of a {}", "a {} in a room", "there is a {}",
    "a photo of the {}", "find the {}", "where is the {}", "a {} in the scene", "my {}", "some {}",
)  # fmt: skip
_ADJECTIVE_TEMPLATES = ("{}", "something {}", "a {} thing", "a {} object", "{} things", "a photo of something {}")


@dataclass(frozen=True)
class Thing:
    """What one thing in a picture is; "" where there is no word for it."""

    name: str
    colour: str = ""
    material: str = ""


@dataclass(frozen=True)
class Phrase:
    """A text, and what a thing must be for it to be true; None asks for nothing."""

    text: str
    names: frozenset[str] | None = None
    colour: str | None = None
    material: str | None = None

    def holds(self, thing: Thing) -> bool:
        """Whether the text is true of the thing."""
        return (
            (self.names is None or thing.name in self.names)
            and (self.colour is None or thing.colour == self.colour)
            and (self.material is None or thing.material == self.material)
        )


@dataclass(frozen=True)
class Language:
    """Names, colours and materials with the other words for each, and what things are good for."""

    names: Mapping[str, tuple[str, ...]]  # class -> synonyms
    colours: Mapping[str, tuple[str, ...]]
    materials: Mapping[str, tuple[str, ...]]
    uses: Mapping[str, frozenset[str]]  # "something to sit on" -> classes; "somewhere ..." likewise

    def name(self, word: str, rng: np.random.Generator) -> Phrase:
        """A class, in one of its wordings."""
        text = _pick(_NOUN_TEMPLATES, rng).format(_pick((word, word, *self.names[word]), rng))
        return Phrase(text, names=frozenset({word}))

    def colour(self, word: str, rng: np.random.Generator) -> Phrase:
        """A colour alone."""
        text = _pick(_ADJECTIVE_TEMPLATES, rng).format(_pick((word, word, *self.colours[word]), rng))
        return Phrase(text, colour=word)

    def material(self, word: str, rng: np.random.Generator) -> Phrase:
        """A material alone."""
        text = _pick(_ADJECTIVE_TEMPLATES, rng).format(_pick((word, word, *self.materials[word]), rng))
        return Phrase(text, material=word)

    def use(self, text: str) -> Phrase:
        """What a thing is good for, or what kind of thing it is."""
        return Phrase(text, names=self.uses[text])

    def composed(self, thing: Thing, rng: np.random.Generator) -> Phrase:
        """A name with one or two attributes, such as 'a red wooden chair'."""
        colour = thing.colour if thing.colour and rng.random() < 0.75 else None
        material = thing.material if thing.material and (colour is None or rng.random() < 0.5) else None
        words = [
            _pick((colour, *self.colours[colour]), rng) if colour else "",
            _pick((material, *self.materials[material]), rng) if material else "",
            _pick((thing.name, thing.name, *self.names[thing.name]), rng),
        ]
        text = _pick(_NOUN_TEMPLATES, rng).format(" ".join(word for word in words if word))
        return Phrase(text, frozenset({thing.name}), colour, material)

    def words(self) -> tuple[str, ...]:
        """Every word that any phrase can hold, sorted."""
        texts: list[str] = [*ANYTHING, *_NOUN_TEMPLATES, *_ADJECTIVE_TEMPLATES, *self.uses]
        for table in (self.names, self.colours, self.materials):
            for word, synonyms in table.items():
                texts += [word, *synonyms]
        return tuple(sorted({word for text in texts for word in text.replace("{}", " ").lower().split()}))


def truth(phrases: Sequence[Phrase], things: Sequence[Thing]) -> NDArray[np.bool_]:
    """(things, phrases): which text is true of which thing."""
    kinds = {thing: row for row, thing in enumerate(dict.fromkeys(things))}
    of_kind = np.array([[phrase.holds(kind) for phrase in phrases] for kind in kinds], dtype=bool)
    return of_kind[[kinds[thing] for thing in things]]


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]
