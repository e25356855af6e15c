"""The official split of ScanNet v2, by the number of the scanned space: all scans of a space share it.

Facts of ScanNet's benchmark: 1201 scans of spaces below 707 for training, 312 of those listed here for validation, 100
of the spaces from 707 on for testing.
"""

import re

_VALIDATION = frozenset(
    (
        11, 15, 19, 25, 30, 46, 50, 63, 64, 77, 81, 84, 86, 88, 95, 100, 131, 139, 144, 146, 149, 153, 164, 169, 187,
        193, 196, 203, 207, 208, 217, 221, 222, 231, 246, 249, 251, 256, 257, 277, 278, 300, 304, 307, 314, 316, 328,
        329, 334, 338, 342, 343, 351, 353, 354, 355, 356, 357, 377, 378, 382, 389, 406, 412, 414, 423, 426, 427, 430,
        432, 435, 441, 458, 461, 462, 474, 488, 490, 494, 496, 500, 518, 527, 535, 549, 550, 552, 553, 558, 559, 565,
        568, 574, 575, 578, 580, 583, 591, 593, 595, 598, 599, 606, 607, 608, 609, 616, 618, 621, 629, 633, 643, 644,
        645, 647, 648, 651, 652, 653, 655, 658, 660, 663, 664, 665, 670, 671, 678, 684, 685, 686, 689, 690, 693, 695,
        696, 697, 699, 700, 701, 702, 704,
    )
)  # fmt: skip
_FIRST_OF_TEST = 707
_SCAN = re.compile(r"scene(\d{4})_\d\d")


def scannet_split(scan: str) -> str | None:
    """train, val or test of a scan such as scene0011_00; None for what is no scan of ScanNet."""
    matched = _SCAN.fullmatch(scan)
    if matched is None:
        return None
    space = int(matched[1])
    if space >= _FIRST_OF_TEST:
        return "test"
    return "val" if space in _VALIDATION else "train"
