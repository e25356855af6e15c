"""What options of several encoders have in common: their help, and the values they may have."""

from ...core.errors import BadInput

LONG_SIDE = {"help": "pixels of the longer side that the network sees; 0: the original size"}
TEMPLATES = {"help": "plain, photo, openscene, ensemble, or 'a {} here|the {}'"}
PRECISION = {"help": "float32, float16, bfloat16; auto: float16 on CUDA"}


def require_long_side(pixels: int) -> None:
    """BadInput below 0."""
    if pixels < 0:
        raise BadInput(f"long_side is {pixels}; pixels, 0 or more, were expected.")
