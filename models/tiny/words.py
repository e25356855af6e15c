"""The words that the tiny model was trained on, as numbers for its text tower."""

import difflib
import re
from collections.abc import Sequence

import torch
from torch import Tensor

from ...core.errors import UnknownWords
from ...core.names import shortened
from ...core.wording import near_names

_SHOWN = 500  # bytes of what was asked that a sentence repeats
_MOST_HINTED = 2  # unknown words of a text that may be misspelt ones
CONTEXT_LENGTH = 12  # tokens of a text, start and end included


class TaughtWords:
    """A tokenizer of whole words: 0 is padding, words follow in their order, then start and end.

    The end has the highest number, which is where a CLIP text tower reads its vector (`pool_type` argmax).
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._number = {word: i + 1 for i, word in enumerate(self.words)}
        self._start, self._end = len(self.words) + 1, len(self.words) + 2

    @property
    def vocabulary_size(self) -> int:
        """Rows of the token embedding."""
        return len(self.words) + 3

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """(n, 12) token numbers; UnknownWords for a text with a word that it was not trained on."""
        tokens = torch.zeros((len(texts), CONTEXT_LENGTH), dtype=torch.long)
        for row, text in zip(tokens, texts, strict=True):
            numbers = self._numbers(text)[: CONTEXT_LENGTH - 2]
            row[: len(numbers) + 2] = torch.tensor([self._start, *numbers, self._end])
        return tokens

    def _numbers(self, text: str) -> list[int]:
        said = re.findall(r"[^\W_]+", text.lower())
        known = [self._known(word) for word in said]
        unknown = [word for word, own in zip(said, known, strict=True) if own is None]
        if unknown or not said:
            near = dict.fromkeys(own for word in unknown[:_MOST_HINTED] for own in near_names(word, self.words))
            raise UnknownWords(self._sentence(text, unknown), near=near)
        return [self._number[word] for word in known if word is not None]

    def _known(self, word: str) -> str | None:
        """The word itself, or its singular."""
        forms = [word, word.removesuffix("s"), word.removesuffix("es")]
        return next((form for form in forms if form in self._number), None)

    def _sentence(self, text: str, unknown: Sequence[str]) -> str:
        what = (
            f"tiny was never trained on {shortened(', '.join(map(repr, unknown)), _SHOWN)}"
            if unknown
            else "there is no word in it"
        )
        few = (
            [word for word in unknown if len(word) <= _SHOWN] if len(unknown) <= _MOST_HINTED else []
        )  # a sentence of other words has no misspelling
        near = [match for word in few for match in difflib.get_close_matches(word, self.words, n=2, cutoff=0.75)]
        hint = f"; near it: {', '.join(dict.fromkeys(near))}" if near else ""
        return (
            f"{shortened(text, _SHOWN)!r}: {what}{hint}. It knows generated rooms only, in the words that "
            "`ovstore encoders tiny` lists; for real scenes use --encoder openclip."
        )
