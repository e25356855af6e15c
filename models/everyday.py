"""Everyday things: what the answer to a query is weighed against, so that a good score means more than 'a thing'."""

NOTHING_IN_PARTICULAR: tuple[str, ...] = (
    "object", "things", "stuff", "texture", "surface", "background", "room", "corner", "edge", "shadow", "light",
)  # fmt: skip
EVERYDAY: tuple[str, ...] = (
    *NOTHING_IN_PARTICULAR,
    # the room itself
    "wall", "floor", "ceiling", "door", "window", "stairs", "pillar", "carpet", "rug", "curtain", "blinds", "radiator",
    "light switch", "power outlet", "fireplace", "railing",
    # furniture
    "chair", "office chair", "armchair", "stool", "bench", "sofa", "table", "desk", "coffee table", "bed", "crib",
    "cabinet", "kitchen cabinet", "wardrobe", "dresser", "nightstand", "shelf", "bookshelf", "counter", "mattress",
    "pillow", "cushion", "blanket", "mirror", "picture", "poster", "whiteboard", "clock", "lamp", "ceiling lamp",
    # kitchen and bathroom
    "sink", "toilet", "bathtub", "shower", "shower curtain", "towel", "soap dispenser", "refrigerator", "oven", "stove",
    "microwave", "dishwasher", "washing machine", "kettle", "toaster", "coffee maker", "pan", "pot", "plate", "bowl",
    "cup", "glass", "bottle", "can", "knife", "fork", "spoon", "cutting board", "trash can", "paper towel",
    # machines
    "television", "monitor", "computer", "laptop", "keyboard", "mouse", "printer", "telephone", "camera", "speaker",
    "headphones", "fan", "air conditioner", "vacuum cleaner", "cable", "guitar", "piano", "remote control",
    # what lies about
    "book", "magazine", "paper", "box", "cardboard box", "bag", "backpack", "suitcase", "basket", "bucket", "ladder",
    "clothes", "shoes", "jacket", "hat", "umbrella", "toy", "teddy bear", "doll", "ball", "bicycle", "plant",
    "flower", "vase", "candle", "tissue box", "pen", "scissors", "tool", "hammer", "broom", "iron", "fire extinguisher",
    # living things and the world outside
    "person", "hand", "dog", "cat", "bird", "car", "tree", "grass", "sky", "building", "food", "fruit", "apple",
    "banana", "orange", "bread", "pizza",
)  # fmt: skip
