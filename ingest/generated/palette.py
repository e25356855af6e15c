"""The words for colours and materials, and the surfaces they stand for."""

from dataclasses import dataclass, replace

import numpy as np

Rgb = tuple[float, float, float]  # 0..1, as a camera would store it

COLOURS: dict[str, Rgb] = {
    "red": (0.76, 0.09, 0.09),
    "orange": (0.94, 0.49, 0.08),
    "yellow": (0.94, 0.80, 0.12),
    "green": (0.13, 0.53, 0.19),
    "turquoise": (0.16, 0.70, 0.68),
    "blue": (0.12, 0.28, 0.74),
    "purple": (0.46, 0.18, 0.60),
    "pink": (0.94, 0.54, 0.68),
    "brown": (0.40, 0.24, 0.13),
    "beige": (0.82, 0.73, 0.57),
    "white": (0.92, 0.92, 0.90),
    "gray": (0.50, 0.50, 0.52),
    "black": (0.08, 0.08, 0.09),
}

# Material word -> (texture, size of its pattern in metres)
MATERIALS: dict[str, tuple[str, float]] = {
    "wooden": ("wood", 0.05),
    "metal": ("metal", 0.1),
    "plastic": ("plain", 0.1),
    "rubber": ("plain", 0.1),
    "fabric": ("weave", 0.012),
    "leather": ("leather", 0.06),
    "glass": ("glass", 0.12),
    "ceramic": ("glaze", 0.1),
    "marble": ("marble", 0.15),
    "paper": ("plain", 0.1),
    "cardboard": ("cardboard", 0.02),
    "plush": ("plush", 0.012),
    "wicker": ("wicker", 0.03),
    "wax": ("glaze", 0.1),
    "leafy": ("leaf", 0.05),
}


@dataclass(frozen=True)
class Surface:
    """How a part of an object looks: a procedural texture over the object's own coordinates, and its two colours."""

    texture: str  # a function of textures.py
    rgb: Rgb
    accent: Rgb = (0.92, 0.92, 0.90)  # the second colour of patterns
    scale: float = 0.1  # metres, the size of the pattern
    seed: float = 0.0  # shifts what is random in the pattern

    def darker(self, factor: float) -> "Surface":
        """The same surface with its colour multiplied; above 1 is lighter."""
        return replace(self, rgb=shade(self.rgb, factor))


def shade(rgb: Rgb, factor: float) -> Rgb:
    """A colour multiplied, kept within 0..1."""
    red, green, blue = (float(np.clip(channel * factor, 0, 1)) for channel in rgb)
    return red, green, blue


def vary(rgb: Rgb, rng: np.random.Generator, amount: float = 0.06) -> Rgb:
    """A colour of the same name: a little lighter or darker, a little shifted."""
    brightness, shift = 1 + amount * (2 * rng.random() - 1), 0.35 * amount * (2 * rng.random(3) - 1)
    red, green, blue = (float(np.clip(c * brightness + d, 0, 1)) for c, d in zip(rgb, shift, strict=True))
    return red, green, blue


def surface(colour: str, material: str, rng: np.random.Generator, accent: str = "white") -> Surface:
    """The surface that two words name."""
    texture, scale = MATERIALS[material]
    return Surface(texture, vary(COLOURS[colour], rng), COLOURS[accent], scale, float(rng.integers(64)))


# The colours that ScanNet paints the nyu40 classes in; row 0 is unlabelled.
NYU40_RGB = np.array(
    [
        (0, 0, 0), (174, 199, 232), (152, 223, 138), (31, 119, 180), (255, 187, 120), (188, 189, 34), (140, 86, 75),
        (255, 152, 150), (214, 39, 40), (197, 176, 213), (148, 103, 189), (196, 156, 148), (23, 190, 207),
        (178, 76, 76), (247, 182, 210), (66, 188, 102), (219, 219, 141), (140, 57, 197), (202, 185, 52),
        (51, 176, 203), (200, 54, 131), (92, 193, 61), (78, 71, 183), (172, 114, 82), (255, 127, 14), (91, 163, 138),
        (153, 98, 156), (140, 153, 101), (158, 218, 229), (100, 125, 154), (178, 127, 135), (120, 185, 128),
        (146, 111, 194), (44, 160, 44), (112, 128, 144), (96, 207, 209), (227, 119, 194), (213, 92, 176),
        (94, 106, 211), (82, 84, 163), (100, 85, 144),
    ],
    np.uint8,
)  # fmt: skip
