"""Halves inside compiled loops: numba has no float16 on processors, LLVM has. Needs numba."""

import platform
from typing import Any

from llvmlite import binding, ir  # type: ignore[import-untyped]
from numba import extending, types
from numba.core import cgutils

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


@intrinsic
def prefetch(context: Any, array: Any, index: Any) -> Any:
    """Have the cache line of array.flat[index] (contiguous) on its way before it is asked for."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        address = builder.bitcast(builder.gep(data, [values[1]]), ir.IntType(8).as_pointer())
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [address, flag(0), flag(3), flag(1)])  # to read, keep close, data
        return context.get_dummy_value()

    return types.void(array, types.int64), build
