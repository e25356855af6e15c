"""Extract: per-pixel features of images, one file per image."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core import plugins, settings
from ..core.annotated import check_fields, checked
from ..core.contracts import offers
from ..core.errors import BadInput, OvstoreError
from ..core.options import chosen
from ..core.wording import shown
from ..ingest.report import Report, quiet
from .scene_jobs import nobody

if TYPE_CHECKING:
    from ..drawing.preview import Labels
    from ..models.encoders import Encoder

IMAGES = "images"  # the stage whose steps are images that are finished


@dataclass(frozen=True)
class ExtractRequest:
    """Images, and what is to be written of them."""

    images: Path  # a folder, whose sub-folders are kept, or one image
    out: Path
    encoder: str  # the encoder plug-in
    encoder_options: Mapping[str, Any] = field(default_factory=dict)  # chosen explicitly, by name
    file_format: Literal["npy", "pt", "parquet"] = "npy"
    preview: bool = False  # also draw each image beside its features
    labels: tuple[str, ...] | None = None  # draw which of these words is nearest at every pixel
    device: str = "auto"
    again: bool = False  # remove the existing features of these images first

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True)
class ExtractedImage:
    """What became of one image."""

    image: Path
    features: Path | None = None  # None: it failed
    shape: tuple[int, ...] | None = None  # of the map (h, w, C); None: the file existed already
    turned: bool = False  # it would be shown turned (EXIF); pixels and features are as the file stores them
    preview: Path | None = None
    failed: str | None = None  # why, in one sentence


Finished = Callable[[ExtractedImage], None]


@checked
def extract_features(
    images: str | Path,
    out: str | Path,
    *,
    encoder: str | None = None,
    encoder_options: dict[str, Any] | None = None,
    format: Literal["npy", "pt", "parquet"] = "npy",
    preview: bool = False,
    labels: Sequence[str] | None = None,
    device: str = "auto",
    again: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[ExtractedImage, ...]:
    """Write per-pixel features of images below `images` into `out`, as `ovstore extract IMAGES OUT` does.

        for image in ovstore.extract_features("photos", "features", encoder="tiny"):
            print(image.image, image.shape if image.failed is None else image.failed)

    "npy" files are float16 (h, w, C) at the network's own resolution, "pt" files half tensors (C, H, W) at the image's
    size, "parquet" files have one row per cell. `encoder` is by default the one that the settings name; `labels` are
    words that a preview shows at every pixel. `progress` is called with a stage ("images", "previews"), its steps done
    and all of its steps.

    Existing files are skipped, with shape None. An image that cannot be read has `failed`, a sentence, and does not
    stop the rest; a folder without images, or with features of another recipe, raises BadInput.
    """
    request = ExtractRequest(
        Path(images),
        Path(out),
        encoder or settings.encoder(Path(settings.store_folder())).value,
        encoder_options or {},
        format,
        preview,
        None if labels is None else tuple(labels),
        device,
        again,
    )
    return run(request, progress or quiet)


def run(request: ExtractRequest, report: Report = quiet, finished: Finished = nobody) -> tuple[ExtractedImage, ...]:
    """Images that have a file are skipped; one that cannot be read does not stop the rest.

    `finished` is called for each image when its features are there, and again if its preview fails.
    """
    from ..ingest import recipe
    from ..ingest.extraction import folder
    from ..ingest.extraction.extract import image_encoder

    plugin = plugins.load("models.encoders", request.encoder, noun="encoder")
    options = chosen(plugin.Options, request.encoder_options, request.encoder)
    if not request.images.exists():
        raise BadInput(f"{request.images} does not exist; an image or a folder of images was expected.")
    images = folder.find_pictures(request.images, request.out)
    made_by = recipe.encoding(request.encoder, options, plugin.space(options))
    labels = None if request.labels is None else _labels(request.labels, plugin, options, request.device)
    folder.prepare(request.out, images, made_by, request.again)
    done: dict[Path, ExtractedImage] = {}

    def finish(image: ExtractedImage) -> None:
        done[image.image] = image
        finished(image)

    report(IMAGES, 0, len(images))
    with ExitStack() as stack:
        previews = None
        if request.preview or labels is not None:
            from .extraction_previews import Previews

            previews = stack.enter_context(Previews(request.out, request.file_format, labels))
        outcomes = folder.extract_pictures(
            images, request.out, request.file_format, made_by,
            lambda: image_encoder(request.encoder, options, request.device),
        )  # fmt: skip
        for number, outcome in enumerate(outcomes, start=1):
            path, made = outcome.item.path, outcome.result
            report(IMAGES, number, len(images))
            if outcome.error is not None:
                finish(ExtractedImage(path, failed=_reason(path, outcome.error)))
                continue
            finish(ExtractedImage(path, made.path, made.shape, made.turned))
            if previews is not None:
                previews.add(outcome.item)
        if previews is not None:
            for number, outcome in enumerate(previews.finished(), start=1):
                path = outcome.item.path
                report("previews", number, previews.count)
                if outcome.error is not None:
                    finish(replace(done[path], failed=_reason(path, outcome.error)))
                else:
                    done[path] = replace(done[path], preview=outcome.result)
    return tuple(done.values())


def _reason(path: Path, error: BaseException) -> str:
    """One sentence; a bug of ours is raised."""
    if not isinstance(error, OvstoreError):
        raise error
    return str(error).removeprefix(f"{shown(str(path))}: ")


def _labels(words: Sequence[str], plugin: "Encoder", options: Any, device: str) -> "Labels":
    """The words with vectors and colours; empty ones and repetitions are left out."""
    from ..drawing.preview import Labels
    from ..evaluation.labels.palette import distinct_colours
    from ..models.encoders import HasLabelHead

    named: dict[str, str] = {}
    for word in words:
        if word := " ".join(word.split()):
            named.setdefault(word.casefold(), word)
    if not named:
        raise BadInput(
            f"--labels is {','.join(words)!r}; words separated by commas were expected, such as 'grass, cat, stone'."
        )
    names = list(named.values())
    headed = offers(plugin, HasLabelHead)
    head = None if headed is None else headed.load_label_head(options)
    return Labels(names, plugin.load_text_encoder(options, device)(names), distinct_colours(len(names)), head)
