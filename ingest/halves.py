"""Halves inside compiled loops: numba has no float16 on processors, LLVM has. Needs numba."""

import platform
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import extending, types

intrinsic: Any = extending.intrinsic


def supported() -> bool:
    """Whether this processor converts halves and multiplies and adds in one instruction."""
    if platform.machine() in ("arm64", "aarch64"):
        return True
    features = binding.get_host_cpu_features()
    return bool(features.get("f16c") and features.get("fma"))


@intrinsic
def from_half(context: Any, bits: Any) -> Any:
    """float32 of a half's bits."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fpext(builder.bitcast(values[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), build


@intrinsic
def to_half(context: Any, value: Any) -> Any:
    """The bits of the half nearest to a float32, ties to even."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(builder.fptrunc(values[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), build


@intrinsic
def multiply_add(context: Any, a: Any, b: Any, c: Any) -> Any:
    """a * b + c in float32, rounded once."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fma(*values)

    return types.float32(types.float32, types.float32, types.float32), build
