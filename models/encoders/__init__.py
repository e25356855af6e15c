"""What turns pixels and words into vectors of one space; one file each, its name is what people type.

An encoder file defines

    Options                      a frozen dataclass, every field with a default and metadata={"help": "..."}; all that
                                 decides the encoder's numbers. It goes into the recipe as JSON (str, int, float, bool).
    space(options) -> EmbeddingSpace
                                 without building the network (reading or hashing the weights file is fine)
    load_image_encoder(options, device="auto") -> Callable[[Sequence[image]], list[FeatureMap]]
                                 an image is (H, W, 3) uint8 RGB, any size, sizes may differ; the same image gives the
                                 same map in any batch (but for rounding of low-precision devices)
    load_text_encoder(options, device="auto") -> Callable[[Sequence[str]], NDArray[float32]]
                                 (n, dim) unit rows; prompt templates are applied inside; UnknownWords for words that
                                 the encoder cannot know
    background_texts(options) -> tuple[str, ...]
                                 everyday things a query's answer is weighed against (see Hit.probability); empty where
                                 the encoder knows no words at all: its load_text_encoder then raises UnknownWords,
                                 which says what to ask with instead (a picture, a region)

and, where its maps were computed elsewhere and lie on disk,

    load_frame_maps(options, scene) -> FrameMaps
                                 the maps of a scene's frames by name (models/frame_maps.py), read in place of running
                                 `load_image_encoder`: no picture is decoded, and a frame without a map is left out

and, for `ovstore encoders`, which loads no network and downloads nothing,

    weights_file(options) -> Path | None
                                 the file or folder of weights on this machine, None where it would be downloaded;
                                 BadWeights where it has to be brought; left out where there are no weights
    vocabulary(options) -> tuple[str, ...]
                                 every word it knows, where those can be counted
    missing_package() -> str | None
                                 a package that the network needs and that importing this file does not

and, where a part of the network works on the scores of labels and not on vectors,

    load_label_head(options) -> Callable[[NDArray[float32]], NDArray[float32]] | None
                                 (h, w, L) cosines of a map with L labels to their scores, for label maps

Both towers load apart. An encoder knows no files of scenes (but such maps), no points and no database. `device` is
"auto", "cpu" or "cuda"; it never changes the recipe.
"""
