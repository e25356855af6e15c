"""What the frozen benchmark was where it was frozen, and in what another making of it differs.

Rays are cast and colours computed in single precision, sines by whatever the processor has, and JPEG encoders differ
in the last bit. So three digests are kept of each scene, from the coarsest to the finest: two sets of equal counts are
the same benchmark; two of equal bytes give the same figures to the last digit.
"""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from ..recording import Recording
from .plan import VERSION

_DIFFERENCES = {
    "layout": "have other furniture or views, and figures cannot be compared with those of others.",
    "counts": "have other numbers of points or segments, and figures can differ a little.",
    "bytes": "differ in rounding alone, and figures can differ in the last digit.",
}
FROZEN_WITH = "numpy 2.4.6, embreex 4.4.0.post1 and Pillow 13.0.0"
_FROZEN = """
scene0000_00 21e096a6 df7fa62c d9388e34
scene0001_00 17ef3601 11344275 54a4d3d7
scene0002_00 dfcd1401 2b8e26e9 691903af
scene0003_00 6dc8a17d 1422879b 691b08ab
scene0004_00 b68b8757 41d6fd72 3fea3219
scene0005_00 b1e4b0a8 d6fda11e caead9ff
scene0006_00 feb18b7e 0817c587 58f92072
scene0007_00 ed992d79 d1d4eec7 0a15d7c6
scene0008_00 7ae9576c ae7a437e 24a4ad53
scene0009_00 a0f60cee e14903fa ce3dfd1f
scene0010_00 aa34910a 90d242a6 2da451ba
scene0011_00 c31fc878 08e65048 d8e73425
scene0012_00 6966f5b5 4c9b8abf cbf6d493
scene0013_00 191c6062 75c7a7db 4ca052be
scene0014_00 5f2a5ef3 364c0c63 ef9de5a5
scene0015_00 95713e05 84f7d80b a0cf7270
scene0016_00 33a6f119 8b1a14d4 bba2e7f5
scene0017_00 f4fe20cb 6e9a5c4d fa9411e4
scene0018_00 970d0662 a8820c2c 948b0c73
scene0019_00 80697a8d 8df86bbb c6cacd0f
scene0020_00 41553a5f 7eb7ebd2 3455c66d
scene0021_00 e444de2b 92aca03f c0e6335e
scene0022_00 f6722bb9 12d27943 f141ab76
scene0023_00 d39654e6 fdfa1072 e4e26660
scene0024_00 059a67e7 709e3b5c 83bbd3b5
scene0025_00 2ee5b60f 4b4da5e8 b14d5033
scene0026_00 7751ab07 d67646c2 4b9ade31
scene0027_00 78fcf077 24f2ac1c fc7b00a9
scene0028_00 1fe25122 8a4deae4 55392bdc
scene0029_00 9f9722d7 c8d70af3 3ed240e9
scene0030_00 fd81f203 aee32f70 c5b36659
scene0031_00 b02730ad d54ff562 8af323ae
scene0032_00 520ed4a9 109066c3 44bf9a41
scene0033_00 0ce023dc 188b81ca f7e85e2c
scene0034_00 e9fcaed8 3e674904 43c97e03
scene0035_00 b1a32bda 26db0c60 a4899227
scene0036_00 a1857826 ccc5b8bb 148a8c0d
scene0037_00 52e4163a 6e5be00d c0d174a4
scene0038_00 275ae516 002ed736 c8fad930
scene0039_00 78681fa6 8aa1a9e5 ffed47f5
scene0040_00 98cedd2e 58161af5 bfdda709
scene0041_00 6afaa200 ee1ae714 33e6f8ad
scene0042_00 89b8a10b c1ec4f07 48f73407
scene0043_00 c01b8ead 58b796ff f1b2163e
scene0044_00 9d03dc26 8a800f2e be98bac7
scene0045_00 9671ef70 0e3cb5cf 3e1c51e8
scene0046_00 a307c452 9d64e8f3 7c937e7b
scene0047_00 b6acd435 97100b6d 810e3b14
scene0048_00 32c74a31 9f1de346 338d42a5
scene0049_00 9fe7afff a7e6b070 a9af9c59
scene0050_00 d03a5838 a4413161 9e10a477
scene0051_00 2e23fdb0 21185aa4 327d8a37
scene0052_00 ee6992b5 29915204 8f15475f
scene0053_00 72787927 3af75c23 e5c57f55
scene0054_00 3209762d 6e8be09b c789b674
scene0055_00 70750b23 a7b8f251 c6e1a82d
scene0056_00 371c04e9 97744b89 25e2bdfd
scene0057_00 d9387465 0cc7a087 7654571b
scene0058_00 b34dec9f 96900998 e916f234
scene0059_00 8202e057 cc281b20 c1c88cb1
"""


def digests(recording: Recording, held_out: bytes) -> dict[str, str]:
    """Eight digits each for what stands where (to the centimetre), how much there is of it, and all bytes."""
    objects, mesh = recording.scene.objects, recording.mesh
    words = [[placed.label, placed.thing.colour, placed.thing.material, placed.nyu40] for placed in objects]
    places = [*(np.concatenate(placed.box) for placed in objects)]
    places += [pose[:3].ravel() for pose in recording.scene.camera_to_world]
    points = np.bincount(mesh.object_id, minlength=len(objects)).tolist()
    arrays = [mesh.xyz, mesh.rgb, mesh.object_id, mesh.segment, mesh.faces]
    for frame in recording.frames:
        arrays += [frame.camera_to_world, frame.depth]
    contents = [np.ascontiguousarray(array).tobytes() for array in arrays]
    return {
        "layout": _digest(_text([words, [np.rint(100 * place).astype(int).tolist() for place in places]])),
        "counts": _digest(_text([points, len(mesh.faces), int(mesh.segment.max())])),
        "bytes": _digest(*contents, *(frame.jpeg for frame in recording.frames), held_out),
    }


def combined(found: Mapping[str, Mapping[str, str]]) -> str:
    """One digest of those of all scenes."""
    return _digest(_text([[name, found[name]] for name in sorted(found)]))


def table(text: str) -> dict[str, dict[str, str]]:
    """The digests of each scene, of lines NAME LAYOUT COUNTS BYTES."""
    return {
        name: dict(zip(_DIFFERENCES, rest, strict=True)) for name, *rest in map(str.split, text.strip().split("\n"))
    }


FROZEN = table(_FROZEN)


def differences(
    found: Mapping[str, Mapping[str, str]],
    frozen: Mapping[str, Mapping[str, str]] = FROZEN,
    version: str = VERSION,
    frozen_with: str = FROZEN_WITH,
) -> list[str]:
    """Sentences about scenes that differ from those that were frozen, each scene in the first that is true of it."""
    sentences, left = [], sorted(found)
    for part, meaning in _DIFFERENCES.items():
        differing = [name for name in left if found[name][part] != frozen[name][part]]
        left = [name for name in left if name not in differing]
        if differing:
            shown = ", ".join(differing[:3]) + (" ..." if len(differing) > 3 else "")
            sentences.append(f"{len(differing)} of {len(found)} scenes ({shown}) {meaning}")
    if sentences:
        sentences.append(f"{version} was frozen with {frozen_with}; other versions and processors round differently.")
    return sentences


def _text(value: object) -> bytes:
    return json.dumps(value).encode("ascii")


def _digest(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:8]
