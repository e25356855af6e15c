"""The 40 classes of NYU Depth v2, by their numbers: what the vertices of ScanNet's .labels.ply carry (0 is none)."""

NYU40 = dict(
    enumerate(
        (
            "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf", "picture",
            "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat", "clothes",
            "ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box", "whiteboard",
            "person", "night stand", "toilet", "sink", "lamp", "bathtub", "bag", "otherstructure", "otherfurniture",
            "otherprop",
        ),
        start=1,
    )
)  # fmt: skip
