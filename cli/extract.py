"""ovstore extract IMAGES OUT: per-pixel features of a folder of pictures."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..core import plugins
from ..core.errors import OvstoreError
from ..core.wording import counted, shown
from ._options.encoder_options import EncoderCommand, device_option, encoder_option
from ._options.shared import json_option, print_json, say

if TYPE_CHECKING:
    from ..drawing.preview import Labels
    from ..ingest.engines import Outcome
    from ..models.encoders import Encoder


@click.command(cls=EncoderCommand, params=[encoder_option(), device_option()])
@click.argument("images", metavar="IMAGES", type=click.Path(exists=True, path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["npy", "pt", "parquet"]),
    default="npy",
    show_default=True,
    help="npy: float16 (h, w, C) at the network's own resolution. pt: a half-precision tensor (C, H, W) at the "
    "image's size, as OpenScene's LSeg extraction writes it; 512 channels of 640x480 pixels are 300 MB. "
    "parquet: one row per cell with u and v in pixels and the vector.",
)
@click.option(
    "--preview", "with_preview", is_flag=True, help="Also draw each image beside its features, as NAME.preview.jpg."
)
@click.option(
    "--labels",
    metavar="WORDS",
    help="Draw a preview of which of these words, separated by commas, is nearest at every pixel.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Remove the existing features of these images, also those of another recipe, and extract again.",
)
@json_option
def command(
    images: Path, out: Path, file_format: str, with_preview: bool, labels: str | None, again: bool, as_json: bool,
    encoder: str, device: str, **params: Any,
) -> None:  # fmt: skip
    """Write per-pixel features of images, one file per image.

    IMAGES is a folder, whose sub-folders are kept, or one image; OUT gets NAME.npy for NAME.jpg. Images that already
    have a file are skipped; an image that cannot be read is reported and the rest continue. OUT/extract.json records
    the encoder, options and weights that made the files; features with others go into another folder.

    \b
    Examples:
      ovstore extract photos/ features/ --encoder openclip --preview --labels "grass, cat, stone"
      ovstore extract frames/ features/ --encoder lseg --weights demo_e200.ckpt \\
        --mode openscene --no-unit --format pt
    """
    from ..ingest import recipe
    from ..ingest.extraction import folder
    from ..ingest.extraction.extract import image_encoder
    from ._options.from_dataclass import from_params
    from ._output.progress import stages

    plugin = plugins.load("models.encoders", encoder, noun="encoder")
    options = from_params(plugin.Options, params)
    pictures = folder.find_pictures(images, out)
    made_by = recipe.encoding(encoder, options, plugin.space(options))
    named = None if labels is None else _labels(labels, plugin, options, device)
    folder.prepare(out, pictures, made_by, again)
    report = _Report(as_json)
    with stages(len(pictures), "pictures") as bar, ExitStack() as stack:
        previews = None
        if with_preview or named is not None:
            from ..workflows.extraction_previews import Previews

            previews = stack.enter_context(Previews(out, file_format, named))
        for outcome in folder.extract_pictures(
            pictures, out, file_format, made_by, lambda: image_encoder(encoder, options, device)
        ):
            report.extracted(outcome)
            bar.scene_done()
            if previews is not None and outcome.error is None:
                previews.add(outcome.item)
        if previews is not None:
            for drawn, outcome in enumerate(previews.finished(), start=1):
                report.drawn(outcome)
                bar.report("previews", drawn, previews.count)
    raise SystemExit(report.close())


def _labels(text: str, plugin: "Encoder", options: Any, device: str) -> "Labels":
    """Words separated by commas with vectors and colours; empty ones and repetitions are left out."""
    from ..core.contracts import offers
    from ..core.errors import BadInput
    from ..drawing.preview import Labels
    from ..evaluation.labels.palette import distinct_colours
    from ..models.encoders import HasLabelHead

    words: dict[str, str] = {}
    for word in text.split(","):
        if word := " ".join(word.split()):
            words.setdefault(word.casefold(), word)
    if not words:
        raise BadInput(f"--labels is {text!r}; words separated by commas were expected, such as 'grass, cat, stone'.")
    names = list(words.values())
    headed = offers(plugin, HasLabelHead)
    head = None if headed is None else headed.load_label_head(options)
    return Labels(names, plugin.load_text_encoder(options, device)(names), distinct_colours(len(names)), head)


class _Report:
    """A line a picture on stdout as it is done, what there was at the end; or all of it as one JSON document."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._documents: dict[Path, dict[str, Any]] = {}
        self._written = self._turned = 0

    def extracted(self, outcome: "Outcome") -> None:
        if outcome.error is not None:
            self._failed(outcome)
            return
        picture, made = outcome.item.path, outcome.result
        self._documents[picture] = {"picture": _name(picture), "features": _name(made.path), "shape": made.shape}
        if made.shape is not None:
            self._written += 1
            self._turned += made.turned
            self._say(f"{picture}  {'x'.join(map(str, made.shape))}")

    def drawn(self, outcome: "Outcome") -> None:
        if outcome.error is not None:
            self._failed(outcome)
        else:
            self._documents[outcome.item.path]["preview"] = _name(outcome.result)

    def close(self) -> int:
        """The exit code: 1 when some pictures failed."""
        documents = list(self._documents.values())
        failed = sum("failed" in document for document in documents)
        there = sum("features" in document for document in documents) - self._written
        if self._as_json:
            print_json(documents)
        else:
            say(f"{self._written} written, {there} already existed, {failed} failed.")
        if self._turned:
            say(
                f"{counted(self._turned, 'image')} would be shown turned (EXIF); pixels and features are as the "
                "file stores them.",
                err=True,
            )
        if any("preview" in document for document in documents):
            say("Previews: *.preview.jpg beside the features", err=True)
        return 1 if failed else 0

    def _failed(self, outcome: "Outcome") -> None:
        error, picture = outcome.error, outcome.item.path
        if not isinstance(error, OvstoreError):
            assert error is not None
            raise error
        reason = str(error).removeprefix(f"{shown(str(picture))}: ")
        self._documents.setdefault(picture, {"picture": _name(picture)})["failed"] = reason
        self._say(f"{picture}  failed: {reason}", err=True)

    def _say(self, line: str, err: bool = False) -> None:
        if not self._as_json:
            say(line, err=err)


def _name(path: Path) -> str:
    """For JSON, which cannot hold bytes that are no text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
