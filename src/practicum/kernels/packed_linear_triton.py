"""y = x Wᵀ + b + r with W stored in few bits, on a GPU: Triton's kernels beside torch's product.

W is read in the order in which CPUs read it (see `packed_matrix`): for a tile of 16 outputs what is
read together lies together here, too. x is not rounded; sums are in float32. By the rows of x:

- few: a thread takes words of W as they come, and the integers in them meet every row in float32;
- some: products of matrices, in which a code, a small integer, is exact in bfloat16, and x is the
  sum of as many parts in bfloat16 as it takes: three for float32, two for float16, or one. For each
  group  y += d · Σ q x + m · Σ x,  and nothing but the order of sums differs from float32;
- many: W is decoded into memory of its own in the precision of x, and torch multiplies.

Where a matrix has too few outputs to keep a GPU busy, several programs share its inputs and their
sums are added in a second pass, always in one order. Grids follow from shapes alone and nothing is
waited for, so that all of it can be captured in a graph. Nothing is differentiated.

Without Triton this file can be imported, and `usable` says no.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from practicum.kernels.packed_matrix import GROUP, TILE, Grouped, Packed
from practicum.kernels.triton_language import constexpr, kernel, tl, triton

FEW, SOME = 2, 128  # rows up to which x counts as such
FEW_FLOATS = 8  # where W is in float32, of which `some` cannot make products
BLOCK = 1024  # numbers of a program that adds
PROGRAMS = 1024  # that should run at least: several for each of a hundred processors
ACROSS = 64  # outputs of a program of `some`
_PARTS = {torch.float32: 3, torch.float16: 2, torch.bfloat16: 1}


def usable(given: Tensor, matrix: Packed, dtype: torch.dtype) -> bool:
    """Whether the kernels can take these: all on one GPU, and to compute in float32 or half."""
    on_gpu = triton is not None and matrix.device.type == "cuda"
    return on_gpu and given.device == matrix.device and dtype in _PARTS


def unrounded(
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """With W decoded, in float32. Judges `packed_linear_triton`."""
    y = F.linear(x.float(), matrix.decoded(), None if bias is None else bias.float())
    return (y if added is None else y + added).to(x.dtype)


def packed_linear_triton(
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """`unrounded` in the way that suits the number of rows."""
    rows = x.numel() // matrix.inputs
    if rows <= (FEW_FLOATS if matrix.bits == 32 else FEW):
        return few(x, matrix, bias, added)
    if rows <= SOME and matrix.bits < 32:
        return some(x, matrix, bias, added)
    return many(x, matrix, bias, added)


def few(
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """Number by number: for up to 16 rows, and fast for up to `FEW`."""
    rows = x.numel() // matrix.inputs
    assert rows <= 16, f"{rows} rows do not fit into registers"
    step = GROUP // matrix.bits  # groups, so that 2 KB are read at a time
    constants = {
        "R": triton.next_power_of_2(max(rows, 1)),
        "STEP": step,
        "LINES": matrix.bits if isinstance(matrix, Grouped) else GROUP,
        "num_warps": 4,
    }
    return _product(_few, TILE, step, constants, x, matrix, bias, added)


def some(
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """By products of matrices: for up to `SOME` rows and W of 4, 8 or 16 bits."""
    rows = x.numel() // matrix.inputs
    assert rows <= SOME, f"{rows} rows do not fit into registers"
    assert matrix.bits < 32, "float32 is not exact in bfloat16"
    constants = {
        "R": max(8, triton.next_power_of_2(rows)),
        "F": ACROSS,
        "PARTS": _PARTS[x.dtype],
        # the interpreter, which runs on a CPU, multiplies the bits of bfloat16 as whole numbers
        "FACTOR": tl.bfloat16 if x.is_cuda else tl.float32,
        "num_warps": 4 if rows <= 64 else 8,
        "num_stages": 3,
    }
    return _product(_some, ACROSS, 1, constants, x, matrix, bias, added)


def many(
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None = None,
    added: Float[Tensor, "*b outputs"] | None = None,
) -> Float[Tensor, "*b outputs"]:
    """With W decoded, and rounded if x is in half precision: for any number of rows."""
    y = F.linear(x, decoded_triton(matrix, x.dtype), None if bias is None else bias.to(x.dtype))
    return y if added is None else y + added


def packed_rows_triton(
    matrix: Packed, index: Int[Tensor, "*b"], dtype: torch.dtype
) -> Float[Tensor, "*b inputs"]:
    """`matrix.rows` in `dtype`; NaN for what is no row."""
    return _unpacked(matrix, index, dtype)


def decoded_triton(matrix: Packed, dtype: torch.dtype) -> Float[Tensor, "outputs inputs"]:
    """`matrix.decoded()` in `dtype`."""
    return _unpacked(matrix, None, dtype)


def _product(
    by: Any,
    across: int,
    step: int,
    constants: dict[str, Any],
    x: Float[Tensor, "*b inputs"],
    matrix: Packed,
    bias: Float[Tensor, " outputs"] | None,
    added: Float[Tensor, "*b outputs"] | None,
) -> Float[Tensor, "*b outputs"]:
    """`by`, whose programs own `across` outputs and a few times `step` groups of inputs."""
    x, rows = x.contiguous(), x.numel() // matrix.inputs
    y = x.new_empty(*x.shape[:-1], matrix.outputs)
    if not rows:
        return y
    tiles, steps = triton.cdiv(matrix.outputs, across), triton.cdiv(matrix.inputs, step * GROUP)
    enough = triton.cdiv(PROGRAMS, tiles)
    cheap = max(1, matrix.nbytes // (8 * y.numel()))  # sums are not written and read more than W
    each = triton.cdiv(steps, min(steps, enough, cheap))
    splits = triton.cdiv(steps, each)
    sums = y if splits == 1 else x.new_empty(splits, *y.shape, dtype=torch.float32)
    last = {"BIASED": bias is not None, "ADDED": added is not None}
    codes, *others = _stored(matrix)
    codes = codes.view(torch.int32) if by is _few and isinstance(matrix, Grouped) else codes
    of_last = (x if bias is None else bias, x if added is None else added.contiguous())
    now = last if splits == 1 else dict.fromkeys(last, False)
    with torch.cuda.device_of(x):
        by[(tiles, splits)](
            *(x, codes, *others, *of_last, sums),
            *(rows, matrix.inputs, matrix.outputs, each * step),
            **(constants | now),
            BITS=matrix.bits,
        )
        if splits > 1:
            _add[(triton.cdiv(y.numel(), BLOCK),)](
                *(sums, *of_last, y, y.numel(), matrix.outputs), **last, SPLITS=splits, BLOCK=BLOCK
            )
    return y


def _unpacked(
    matrix: Packed, index: Int[Tensor, "*b"] | None, dtype: torch.dtype
) -> Float[Tensor, "*b inputs"]:
    """Rows of W, of all if no `index` is given."""
    shape = (matrix.outputs,) if index is None else index.shape
    out = torch.empty(*shape, matrix.inputs, dtype=dtype, device=matrix.device)
    count = out.numel() // matrix.inputs
    if not count:
        return out
    rows, groups, warps = (64, 4, 4) if index is None else (1, 4, 1)
    with torch.cuda.device_of(out):
        _unpack[(triton.cdiv(count, rows), triton.cdiv(matrix.inputs, groups * GROUP))](
            *(*_stored(matrix), out if index is None else index.contiguous(), out),
            *(count, matrix.inputs, matrix.outputs),
            INDEXED=index is not None,
            BITS=matrix.bits,
            ROWS=rows,
            GROUPS=groups,
            num_warps=warps,
        )
    return out


def _stored(matrix: Packed) -> tuple[Tensor, Tensor, Tensor]:
    """Codes, scales and minima; something else for what there is not."""
    if not isinstance(matrix, Grouped):
        return matrix.numbers, matrix.numbers, matrix.numbers
    minima = matrix.scales if matrix.minima is None else matrix.minima
    return matrix.codes, matrix.scales, minima


# In all kernels r, f and k are rows, outputs and inputs, g groups of inputs; a line is what lies
# beside each other of a tile: 16 words of 4 or 8 codes, or 16 numbers.


@kernel
def _few(
    x_at,
    codes_at,
    scales_at,
    minima_at,
    bias_at,
    added_at,
    y_at,
    rows,
    inputs,
    outputs,
    share,
    BITS: constexpr,
    R: constexpr,
    STEP: constexpr,
    LINES: constexpr,
    BIASED: constexpr,
    ADDED: constexpr,
):
    groups = tl.cdiv(inputs, 32)
    tile, first = tl.program_id(0), tl.program_id(1) * share
    last = tl.minimum(first + share, groups)
    r = tl.arange(0, R)[:, None, None]
    lines = tl.arange(0, STEP * LINES)[None, :, None]
    beside = tl.arange(0, 16)[None, None, :]
    codes_at += tile.to(tl.int64) * (inputs if BITS >= 16 else groups * BITS) * 16
    scales_at += tile.to(tl.int64) * groups * 16
    minima_at += tile.to(tl.int64) * groups * 16
    total = tl.zeros((R, STEP * LINES, 16), dtype=tl.float32)
    for group in range(first, last, STEP):
        line = group * LINES + lines
        if BITS >= 16:
            number = tl.load(codes_at + line * 16 + beside, mask=line < inputs, other=0.0)
            total += number.to(tl.float32) * _inputs(x_at, r, line, rows, inputs)
        else:
            g = line // LINES
            inside = g < groups
            word = tl.load(codes_at + line * 16 + beside, mask=inside, other=0)
            scale = tl.load(scales_at + g * 16 + beside, mask=inside, other=0.0)
            k = tl.where(inside, g * 32 + line % LINES * 4, inputs)
            product = tl.zeros((R, STEP * LINES, 16), dtype=tl.float32)
            if BITS == 8:
                for i in tl.static_range(4):
                    product += _met(word, _inputs(x_at, r, k + i, rows, inputs), i, 8, 0, 128)
            else:
                sum_x = tl.zeros((R, STEP * LINES, 1), dtype=tl.float32)
                for i in tl.static_range(4):
                    low = _inputs(x_at, r, k + i, rows, inputs)
                    high = _inputs(x_at, r, k + 16 + i, rows, inputs)
                    product += _met(word, low, i, 4, 0, 0) + _met(word, high, i, 4, 4, 0)
                    sum_x += low + high
                least = tl.load(minima_at + g * 16 + beside, mask=inside, other=0.0)
                total += least.to(tl.float32) * sum_x
            total += scale.to(tl.float32) * product
    places = tl.arange(0, R)[:, None], tile * 16 + tl.arange(0, 16)[None, :]
    _put(y_at, tl.sum(total, 1), places, bias_at, added_at, rows, outputs, BIASED, ADDED)


@kernel
def _inputs(x_at, r, k, rows, inputs):
    inside = (r < rows) & (k < inputs)
    return tl.load(x_at + r * inputs + k, mask=inside, other=0.0).to(tl.float32)


@kernel
def _met(word, x, BYTE: constexpr, COUNT: constexpr, PLACE: constexpr, ZERO: constexpr):
    """(code − ZERO) · x for the code of `COUNT` bits at bit `PLACE` of a byte of each word.

    A code becomes a float without a conversion, which is slow: it is put into the bits of 2²³.
    """
    AT: constexpr = BYTE % 2 * 8 + PLACE
    codes = word if BYTE < 2 else word >> 16
    codes = (codes & (((1 << COUNT) - 1) << AT)) | 0x4B000000
    return (codes.to(tl.float32, bitcast=True) - (8388608 + (ZERO << AT))) * (x / (1 << AT))


@kernel
def _some(
    x_at,
    codes_at,
    scales_at,
    minima_at,
    bias_at,
    added_at,
    y_at,
    rows,
    inputs,
    outputs,
    share,
    BITS: constexpr,
    R: constexpr,
    F: constexpr,
    PARTS: constexpr,
    FACTOR: constexpr,
    BIASED: constexpr,
    ADDED: constexpr,
):
    groups = tl.cdiv(inputs, 32)
    first = tl.program_id(1) * share
    last = tl.minimum(first + share, groups)
    f, r, k = tl.program_id(0) * F + tl.arange(0, F), tl.arange(0, R), tl.arange(0, 16)
    in_f = f < outputs
    tile, beside = (f // 16).to(tl.int64), f % 16
    total = tl.zeros((F, R), dtype=tl.float32)
    for g in range(first, last):
        product = tl.zeros((F, R), dtype=tl.float32)
        sum_x = tl.zeros((R,), dtype=tl.float32)
        for half in tl.static_range(2):
            inner = g * 32 + half * 16 + k
            inside = in_f[:, None] & (inner < inputs)[None, :]
            codes = _codes(codes_at, tile, beside, g, half, inside, groups, inputs, BITS).to(FACTOR)
            x = _inputs(x_at, r[None, :], inner[:, None], rows, inputs)
            sum_x += tl.sum(x, 0)
            part = x.to(tl.bfloat16).to(tl.float32)
            product = tl.dot(codes, part.to(FACTOR), product)
            for _ in tl.static_range(PARTS - 1):
                x -= part
                part = x.to(tl.bfloat16).to(tl.float32)
                product = tl.dot(codes, part.to(FACTOR), product)
        if BITS >= 16:
            total += product
        else:
            at = (tile * groups + g) * 16 + beside
            scale = tl.load(scales_at + at, mask=in_f, other=0.0).to(tl.float32)
            total += product * scale[:, None]
            if BITS == 4:
                least = tl.load(minima_at + at, mask=in_f, other=0.0).to(tl.float32)
                total += least[:, None] * sum_x[None, :]
    places = r[None, :], f[:, None]
    _put(y_at, total, places, bias_at, added_at, rows, outputs, BIASED, ADDED)


@kernel
def _codes(codes_at, tile, beside, g, half, inside, groups, inputs, BITS: constexpr):
    """What is stored of outputs × 16 inputs, a half of group g, as floats; of 8 bits less 128."""
    tile, beside, k = tile[:, None], beside[:, None], tl.arange(0, 16)[None, :]
    if BITS >= 16:
        at = (tile * inputs + g * 32 + half * 16 + k) * 16 + beside
        codes = tl.load(codes_at + at, mask=inside, other=0.0)
    else:
        at = (tile * groups + g) * (64 * BITS) + k // 4 * 64 + beside * 4 + k % 4
        if BITS == 8:
            at += half * 256
        codes = tl.load(codes_at + at, mask=inside, other=0).to(tl.int32)
        if BITS == 4:
            codes = (codes >> (half * 4)) & 15
        # as in `_met`
        codes = (codes | 0x4B000000).to(tl.float32, bitcast=True) - (8388608.0 + BITS // 8 * 128)
    return codes


@kernel
def _put(y_at, sums, places, bias_at, added_at, rows, outputs, BIASED: constexpr, ADDED: constexpr):
    """The sums of a program to its own stretch of y, of which there may be one for each."""
    r, f = places
    inside = (r < rows) & (f < outputs)
    at = r * outputs + f
    if BIASED:
        sums += tl.load(bias_at + f, mask=inside, other=0.0).to(tl.float32)
    if ADDED:
        sums += tl.load(added_at + at, mask=inside, other=0.0).to(tl.float32)
    y_at += tl.program_id(1).to(tl.int64) * rows * outputs
    tl.store(y_at + at, sums, mask=inside)


@kernel
def _add(
    sums_at,
    bias_at,
    added_at,
    y_at,
    count,
    outputs,
    BIASED: constexpr,
    ADDED: constexpr,
    SPLITS: constexpr,
    BLOCK: constexpr,
):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for split in range(SPLITS):
        total += tl.load(sums_at + split * count + at, mask=inside, other=0.0)
    if BIASED:
        total += tl.load(bias_at + at % outputs, mask=inside, other=0.0).to(tl.float32)
    if ADDED:
        total += tl.load(added_at + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(y_at + at, total, mask=inside)


@kernel
def _unpack(
    codes_at,
    scales_at,
    minima_at,
    index_at,
    out_at,
    count,
    inputs,
    outputs,
    INDEXED: constexpr,
    BITS: constexpr,
    ROWS: constexpr,
    GROUPS: constexpr,
):
    """Rows of W; grid: blocks of rows × blocks of inputs."""
    groups = tl.cdiv(inputs, 32)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    in_rows = row < count
    f = tl.load(index_at + row, mask=in_rows, other=0).to(tl.int64) if INDEXED else row.to(tl.int64)
    known = in_rows & (f >= 0) & (f < outputs)
    tile, beside = f // 16, f % 16
    first = tl.program_id(1) * GROUPS
    for g in range(first, tl.minimum(first + GROUPS, groups)):
        for half in tl.static_range(2):
            inner = g * 32 + half * 16 + tl.arange(0, 16)
            here = known[:, None] & (inner < inputs)[None, :]
            codes = _codes(codes_at, tile, beside, g, half, here, groups, inputs, BITS)
            weights = codes.to(tl.float32)
            if BITS < 16:
                at = (tile * groups + g) * 16 + beside
                weights *= tl.load(scales_at + at, mask=known, other=0.0).to(tl.float32)[:, None]
                if BITS == 4:
                    least = tl.load(minima_at + at, mask=known, other=0.0).to(tl.float32)
                    weights += least[:, None]
            weights = tl.where(known[:, None], weights, float("nan"))
            to = row.to(tl.int64)[:, None] * inputs + inner[None, :]
            tl.store(out_at + to, weights, mask=in_rows[:, None] & (inner < inputs)[None, :])
