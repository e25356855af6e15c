"""What vectors that others computed are compared with: an encoder's words, a table of words, or none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import plugins
from ...core.digests import file_digest
from ...core.errors import BadInput, UnknownWords
from ...core.features import EmbeddingSpace, FeatureMap
from ...core.regular import is_file
from ...core.wording import near_names
from ..encoders import Encoder
from ..weights_files import named_weights
from . import arrays

TABLE, NONE = "table", "none"
_MOST_NAMES = 1 << 20  # bytes of a file of names

TextEncoder = Callable[[Sequence[str]], NDArray[np.float32]]
ImageEncoder = Callable[[Sequence[NDArray[np.uint8]]], list[FeatureMap]]


@dataclass(frozen=True)
class TextSide:
    """A text tower that is somebody else's, so that its space is theirs too and equal spaces compare."""

    kind: str  # an encoder's name, TABLE or NONE
    settings: dict[str, str]  # of the encoder: model, weights, tag, templates; "" for what nobody said
    names: str  # the words of a table
    space_name: str
    dim: int

    def space(self) -> EmbeddingSpace:
        """The encoder's own; a table's named words/FILE; else as declared."""
        if self.kind == TABLE:
            path, rows = self._table()
            return EmbeddingSpace(f"words/{path.stem}", rows.shape[1], file_digest(path))
        if self.kind == NONE:
            if not self.space_name or self.dim < 1:
                raise BadInput("A space without words must be declared with --space-name NAME and --dim NUMBER.")
            return EmbeddingSpace(self.space_name, self.dim, "")
        module, options = self._encoder()
        found: EmbeddingSpace = module.space(options)
        return found

    def text_encoder(self, device: str) -> TextEncoder:
        """Texts to unit rows."""
        if self.kind == TABLE:
            return self._look_up
        if self.kind == NONE:
            raise UnknownWords(
                f"The space {self.space_name!r} was declared without words (--text none); query with --like "
                "SCENE:REGION, or ingest again with the --text that its vectors are compared with."
            )
        module, options = self._encoder()
        found: TextEncoder = module.load_text_encoder(options, device)
        return found

    def image_encoder(self, device: str) -> ImageEncoder:
        """Pictures that are asked with, by the image network of the encoder whose words these are."""
        if self.kind in (TABLE, NONE):
            raise BadInput(
                "These maps were computed elsewhere, by a network that is not available: image queries are not "
                "possible."
            )
        module, options = self._encoder()
        found: ImageEncoder = module.load_image_encoder(options, device)
        return found

    def background(self) -> tuple[str, ...]:
        """What answers are weighed against."""
        if self.kind == TABLE:
            return names_of(self.names)
        if self.kind == NONE:
            return ()
        module, options = self._encoder()
        return module.background_texts(options)

    def _encoder(self) -> tuple[Encoder, Any]:
        if not self.kind:
            raise BadInput(
                "Name the text tower that the vectors are compared with, such as --text openclip --text-model "
                "ViT-B-32 --text-weights openai, --text lseg --text-weights demo_e200.ckpt, --text table, or "
                "--text none."
            )
        if self.kind == "precomputed":
            raise BadInput("precomputed has no text tower of its own; --text must name another encoder.")
        module: Encoder = plugins.load("models.encoders", self.kind, noun="encoder")
        known = {field.name for field in fields(module.Options)}
        given = {name: value for name, value in self.settings.items() if value}
        for name in given:
            if name not in known:
                raise BadInput(f"--text {self.kind} has no {name}; leave --text-{name} out.")
        if "model" in known and not {"model", "weights"} <= set(given):
            raise BadInput(f"--text {self.kind} has many models of equal length: give --text-model and --text-weights.")
        return module, module.Options(**given)

    def _table(self) -> tuple[Path, NDArray[np.float32]]:
        path = named_weights(self.settings["weights"])
        words = names_of(self.names)
        if path is None or not words:
            raise BadInput(
                "--text table needs a file of rows and the words they stand for: --text-weights text_embedding.pt "
                f"and --names words.txt; there is {'no such file' if words else 'no word'}."
            )
        rows = arrays.array(path).astype(np.float32)
        if rows.ndim != 2 or len(rows) - len(words) not in (0, 1):  # the row more is FC-CLIP's for no class
            raise BadInput(
                f"{path}: an array of shape {rows.shape} for {len(words)} words; one row per word was expected."
            )
        rows = rows[: len(words)]
        length = np.linalg.norm(rows, axis=1, keepdims=True)
        if not (np.isfinite(length) & (length > 0)).all():
            raise BadInput(f"{path}: rows without a direction: zero, or not finite.")
        return path, rows / length

    def _look_up(self, texts: Sequence[str]) -> NDArray[np.float32]:
        path, rows = self._table()
        row_of = {word.casefold(): row for word, row in zip(names_of(self.names), rows, strict=True)}
        for text in texts:
            if text.strip().casefold() not in row_of:
                raise UnknownWords(
                    f"{text!r} is not among the {len(row_of)} words of {path}, such as {next(iter(row_of))!r}.",
                    near=near_names(text.strip().casefold(), row_of),
                )
        return np.array([row_of[text.strip().casefold()] for text in texts], np.float32).reshape(-1, rows.shape[1])


def names_of(names: str) -> tuple[str, ...]:
    """Words between commas, or the lines of a file."""
    path = Path(names).expanduser()
    try:
        if not names or not is_file(path):
            return tuple(word for part in names.split(",") if (word := part.strip()))
        if path.stat().st_size > _MOST_NAMES:
            raise BadInput(f"{path}: {path.stat().st_size:,} bytes; a list of names, one per line, was expected.")
        return tuple(word for line in path.read_text(encoding="utf-8").splitlines() if (word := line.strip()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: not a list of names, one per line: {error}") from error
