"""Kernels of OpenScene's networks for 3 channels in and 768 out, by the names and shapes of its published files."""

KERNELS_18A = """
conv0p1s1 125x3x32; conv1p1s2 8x32x32; block1.0.conv1 27x32x32; block1.0.conv2 27x32x32; block1.1.conv1 27x32x32;
block1.1.conv2 27x32x32; conv2p2s2 8x32x32; block2.0.conv1 27x32x64; block2.0.conv2 27x64x64; block2.0.downsample.0
32x64; block2.1.conv1 27x64x64; block2.1.conv2 27x64x64; conv3p4s2 8x64x64; block3.0.conv1 27x64x128; block3.0.conv2
27x128x128; block3.0.downsample.0 64x128; block3.1.conv1 27x128x128; block3.1.conv2 27x128x128; conv4p8s2 8x128x128;
block4.0.conv1 27x128x256; block4.0.conv2 27x256x256; block4.0.downsample.0 128x256; block4.1.conv1 27x256x256;
block4.1.conv2 27x256x256; convtr4p16s2 8x256x128; block5.0.conv1 27x256x128; block5.0.conv2 27x128x128;
block5.0.downsample.0 256x128; block5.1.conv1 27x128x128; block5.1.conv2 27x128x128; convtr5p8s2 8x128x128;
block6.0.conv1 27x192x128; block6.0.conv2 27x128x128; block6.0.downsample.0 192x128; block6.1.conv1 27x128x128;
block6.1.conv2 27x128x128; convtr6p4s2 8x128x96; block7.0.conv1 27x128x96; block7.0.conv2 27x96x96;
block7.0.downsample.0 128x96; block7.1.conv1 27x96x96; block7.1.conv2 27x96x96; convtr7p2s2 8x96x96; block8.0.conv1
27x128x96; block8.0.conv2 27x96x96; block8.0.downsample.0 128x96; block8.1.conv1 27x96x96; block8.1.conv2 27x96x96;
final 96x768
"""

KERNELS_34C = """
conv0p1s1 125x3x32; conv1p1s2 8x32x32; block1.0.conv1 27x32x32; block1.0.conv2 27x32x32; block1.1.conv1 27x32x32;
block1.1.conv2 27x32x32; conv2p2s2 8x32x32; block2.0.conv1 27x32x64; block2.0.conv2 27x64x64; block2.0.downsample.0
32x64; block2.1.conv1 27x64x64; block2.1.conv2 27x64x64; block2.2.conv1 27x64x64; block2.2.conv2 27x64x64; conv3p4s2
8x64x64; block3.0.conv1 27x64x128; block3.0.conv2 27x128x128; block3.0.downsample.0 64x128; block3.1.conv1 27x128x128;
block3.1.conv2 27x128x128; block3.2.conv1 27x128x128; block3.2.conv2 27x128x128; block3.3.conv1 27x128x128;
block3.3.conv2 27x128x128; conv4p8s2 8x128x128; block4.0.conv1 27x128x256; block4.0.conv2 27x256x256;
block4.0.downsample.0 128x256; block4.1.conv1 27x256x256; block4.1.conv2 27x256x256; block4.2.conv1 27x256x256;
block4.2.conv2 27x256x256; block4.3.conv1 27x256x256; block4.3.conv2 27x256x256; block4.4.conv1 27x256x256;
block4.4.conv2 27x256x256; block4.5.conv1 27x256x256; block4.5.conv2 27x256x256; convtr4p16s2 8x256x256;
block5.0.conv1 27x384x256; block5.0.conv2 27x256x256; block5.0.downsample.0 384x256; block5.1.conv1 27x256x256;
block5.1.conv2 27x256x256; convtr5p8s2 8x256x128; block6.0.conv1 27x192x128; block6.0.conv2 27x128x128;
block6.0.downsample.0 192x128; block6.1.conv1 27x128x128; block6.1.conv2 27x128x128; convtr6p4s2 8x128x96;
block7.0.conv1 27x128x96; block7.0.conv2 27x96x96; block7.0.downsample.0 128x96; block7.1.conv1 27x96x96;
block7.1.conv2 27x96x96; convtr7p2s2 8x96x96; block8.0.conv1 27x128x96; block8.0.conv2 27x96x96; block8.0.downsample.0
128x96; block8.1.conv1 27x96x96; block8.1.conv2 27x96x96; final 96x768
"""


def tensor_shapes(kernels: str) -> dict[str, tuple[int, ...]]:
    """All tensors: the kernels of such a list, and after each but `final` the batch norm of its width."""
    shapes: dict[str, tuple[int, ...]] = {}
    for entry in kernels.split(";"):
        name, numbers = entry.split()
        shape = tuple(int(number) for number in numbers.split("x"))
        shapes[f"{name}.kernel"] = shape
        if name != "final":
            norm = _norm_after(name)
            shapes |= {f"{norm}.bn.{what}": shape[-1:] for what in ("weight", "bias", "running_mean", "running_var")}
            shapes[f"{norm}.bn.num_batches_tracked"] = ()
    return shapes


def _norm_after(name: str) -> str:
    """conv1p1s2 -> bn1, convtr4p16s2 -> bntr4, block1.0.conv2 -> block1.0.norm2, downsample.0 -> downsample.1."""
    if name.startswith("convtr"):
        return f"bntr{name[6]}"
    if name.startswith("conv"):
        return f"bn{name[4]}"
    return f"{name[:-1]}1" if name.endswith("downsample.0") else name.replace("conv", "norm")
