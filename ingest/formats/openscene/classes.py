"""The classes that OpenScene's processed labels count, by folder (openscene.md, appendices A, C and H)."""

from ..scannet.nyu40 import NYU40

_NYU40_OF_SCANNET = (*range(1, 13), 14, 16, 24, 28, 33, 34, 36, 39)
_SCANNET = tuple(NYU40[number] for number in _NYU40_OF_SCANNET)

CLASSES: dict[str, tuple[str, ...]] = {
    "scannet": _SCANNET,
    "matterport": (*_SCANNET[:-1], "other", "ceiling"),
    "nuscenes": (
        "barrier", "bicycle", "bus", "car", "construction vehicle", "motorcycle", "person", "traffic cone", "trailer",
        "truck", "drivable surface", "other flat", "sidewalk", "terrain", "manmade", "vegetation",
    ),
}  # fmt: skip
_MATTERPORT160 = (
    "wall", "door", "ceiling", "floor", "picture", "window", "chair", "pillow", "lamp", "cabinet", "curtain", "table",
    "plant", "mirror", "towel", "sink", "shelves", "sofa", "bed", "night stand", "toilet", "column", "banister",
    "stairs", "stool", "vase", "television", "pot", "desk", "box", "coffee table", "counter", "bench", "garbage bin",
    "fireplace", "clothes", "bathtub", "book", "air vent", "faucet", "photo", "toilet paper", "fan", "railing",
    "sculpture", "dresser", "rug", "ottoman", "bottle", "refridgerator", "bookshelf", "wardrobe", "pipe", "monitor",
    "stand", "drawer", "container", "light switch", "purse", "door way", "basket", "chandelier", "oven", "clock",
    "stove", "washing machine", "shower curtain", "fire alarm", "bin", "chest", "microwave", "blinds", "bowl",
    "tissue box", "plate", "tv stand", "shoe", "heater", "headboard", "bucket", "candle", "flower pot", "speaker",
    "furniture", "sign", "air conditioner", "fire extinguisher", "curtain rod", "floor mat", "printer", "telephone",
    "blanket", "handle", "shower head", "soap", "keyboard", "thermostat", "radiator", "kitchen island", "paper towel",
    "sheet", "glass", "dishwasher", "cup", "ladder", "garage door", "hat", "exit sign", "piano", "board", "rope",
    "ball", "excercise equipment", "hanger", "candlestick", "light", "scale", "bag", "laptop", "treadmill", "guitar",
    "display case", "toilet paper holder", "bar", "tray", "urn", "decorative plate", "pool table", "jacket",
    "bottle of soap", "water cooler", "utensil", "tea pot", "stuffed animal", "paper towel dispenser", "lamp shade",
    "car", "toilet brush", "doll", "drum", "whiteboard", "range hood", "candelabra", "toy", "foot rest", "soap dish",
    "placemat", "cleaner", "computer", "knob", "paper", "projector", "coat hanger", "case", "pan", "luggage", "trinket",
    "chimney", "person", "alarm",
)  # fmt: skip


def classes_of(kind: str, size: int | None) -> tuple[str, ...]:
    """The names of a folder KIND_3d or KIND_3d_SIZE, by label; none where nobody knows them."""
    known = CLASSES.get(kind, ())
    if size is None or size == len(known):
        return known
    return _MATTERPORT160[:size] if kind == "matterport" and size in (40, 80, 160) else ()
