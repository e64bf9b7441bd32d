"""Q4_K and Q6_K, the block formats of GGML that the `gguf` package can read and not write.

A super-block has 256 neighbours of one row. In Q4_K it is 8 blocks of 32: x ≈ d·s·q − dmin·m, with q of 4 bits, s and m
of 6. In Q6_K it is 16 blocks of 16: x ≈ d·s·q, with q of 6 bits and s of 8. The parameters of a block are those with the
least weighted squared error among a few candidates, as in llama.cpp: large values count more.
"""

from typing import Any

SUPER_BLOCK = 256
BLOCKS_AT_ONCE = 1 << 10  # the candidates of 1 MB of weights stay in the cache of the processor
_CANDIDATES_Q4 = [15 - 1 + 0.1 * step for step in range(21)]
_CANDIDATES_Q6 = [32 + 0.1 * step for step in range(-9, 10)]


def quantize_q4_k(values: Any) -> Any:
    """A float tensor (rows, columns) as bytes (rows, columns / 256 × 144). `columns` must be a multiple of 256."""
    return _by_super_blocks(values, _pack_q4_k)


def quantize_q6_k(values: Any) -> Any:
    """A float tensor (rows, columns) as bytes (rows, columns / 256 × 210). `columns` must be a multiple of 256."""
    return _by_super_blocks(values, _pack_q6_k)


def _by_super_blocks(values: Any, pack: Any) -> Any:
    import torch

    blocks = values.float().reshape(-1, SUPER_BLOCK)
    packed = torch.cat([pack(part) for part in blocks.split(BLOCKS_AT_ONCE)])
    return packed.reshape(values.shape[0], -1)


def _pack_q4_k(values: Any) -> Any:
    """(n, 256) floats as (n, 144) bytes: d, dmin, 12 bytes of scales and minima, 128 of values."""
    import torch

    x = values.reshape(-1, 8, 32)
    scales, minima = _fit_q4(x)
    d, sixths = _to_steps(scales, 63)
    dmin, min_sixths = _to_steps(minima, 63)
    step = d.float()[:, None] * sixths
    shift = dmin.float()[:, None] * min_sixths
    q = ((x + shift[..., None]) / torch.where(step > 0, step, torch.inf)[..., None]).round().clamp(0, 15)
    q = q.to(torch.uint8).reshape(-1, 4, 2, 32)
    nibbles = (q[:, :, 0] | (q[:, :, 1] << 4)).reshape(-1, 128)
    parts = [_half_bytes(d), _half_bytes(dmin), _pack_six_bits(sixths, min_sixths), nibbles]
    return torch.cat(parts, dim=1)


def _fit_q4(x: Any) -> tuple[Any, Any]:
    """Scale and minimum (both ≥ 0) of each block: x ≈ scale · q − minimum, q from 0 to 15."""
    import torch

    weight = (x * x).mean(-1, keepdim=True).sqrt() + x.abs()
    low, high = x.amin(-1, keepdim=True).clamp(max=0), x.amax(-1, keepdim=True)
    span = high - low
    safe_span = torch.where(span > 0, span, 1.0)
    sum_w, sum_x = weight.sum(-1), (weight * x).sum(-1)
    scale, minimum = span[..., 0] / 15, -low[..., 0]
    error = _q4_error(x, weight, scale, minimum, _levels(x, low, 15 / safe_span, 15))
    for candidate in _CANDIDATES_Q4:
        q = _levels(x, low, candidate / safe_span, 15)
        new_scale, new_minimum = _least_squares(x, q, weight, sum_w, sum_x)
        new_error = _q4_error(x, weight, new_scale, new_minimum, q)
        better = new_error < error
        scale, minimum = torch.where(better, new_scale, scale), torch.where(better, new_minimum, minimum)
        error = torch.where(better, new_error, error)
    return torch.where(span[..., 0] > 0, scale, 0.0), minimum


def _levels(x: Any, low: Any, inverse: Any, highest: int) -> Any:
    return ((x - low) * inverse).round().clamp(0, highest)


def _q4_error(x: Any, weight: Any, scale: Any, minimum: Any, q: Any) -> Any:
    return (weight * (scale[..., None] * q - minimum[..., None] - x).square()).sum(-1)


def _least_squares(x: Any, q: Any, weight: Any, sum_w: Any, sum_x: Any) -> tuple[Any, Any]:
    """The scale and minimum with the least weighted error for given levels; the minimum is never below 0."""
    import torch

    sum_q, sum_qq, sum_xq = (weight * q).sum(-1), (weight * q * q).sum(-1), (weight * q * x).sum(-1)
    determinant = sum_w * sum_qq - sum_q * sum_q
    usable = determinant > 0
    determinant = torch.where(usable, determinant, 1.0)
    scale = (sum_w * sum_xq - sum_x * sum_q) / determinant
    minimum = (sum_q * sum_xq - sum_qq * sum_x) / determinant
    without = sum_xq / torch.where(sum_qq > 0, sum_qq, 1.0)
    scale, minimum = torch.where(minimum < 0, without, scale), minimum.clamp(min=0)
    return torch.where(usable, scale, torch.inf), minimum


def _to_steps(values: Any, highest: int) -> tuple[Any, Any]:
    """Non-negative values (n, blocks) as one fp16 factor for each super-block and whole numbers up to `highest`."""
    import torch

    largest = values.amax(-1)
    inverse = torch.where(largest > 0, highest / torch.where(largest > 0, largest, 1.0), 0.0)
    steps = (values * inverse[:, None]).round().clamp(0, highest)
    return (largest / highest).half(), steps


def _pack_six_bits(scales: Any, minima: Any) -> Any:
    """8 scales and 8 minima of 6 bits each as 12 bytes: the last four of both are split over the others' free bits."""
    import torch

    s, m = scales.to(torch.uint8), minima.to(torch.uint8)
    first, second = s[:, :4] | ((s[:, 4:] >> 4) << 6), m[:, :4] | ((m[:, 4:] >> 4) << 6)
    return torch.cat([first, second, (s[:, 4:] & 15) | ((m[:, 4:] & 15) << 4)], dim=1)


def _half_bytes(values: Any) -> Any:
    import torch

    return values.half().contiguous().view(torch.uint8).reshape(len(values), 2)


def _pack_q6_k(values: Any) -> Any:
    """(n, 256) floats as (n, 210) bytes: 128 with low bits, 64 with high bits, 16 scales, d."""
    import torch

    x = values.reshape(-1, 16, 16)
    scales = _fit_q6(x)
    index = scales.abs().argmax(-1, keepdim=True)
    largest = scales.gather(-1, index)[:, 0]
    d = (largest / -128).half()
    inverse = torch.where(largest != 0, -128 / torch.where(largest != 0, largest, 1.0), 0.0)
    steps = (scales * inverse[:, None]).round().clamp(-128, 127)
    step = d.float()[:, None] * steps
    q = (x / torch.where(step != 0, step, torch.inf)[..., None]).round().clamp(-32, 31) + 32
    q = q.to(torch.uint8).reshape(-1, 2, 4, 32)
    low, high = q & 15, q >> 4
    low_bytes = torch.stack([low[:, :, 0] | (low[:, :, 2] << 4), low[:, :, 1] | (low[:, :, 3] << 4)], dim=2)
    high_bytes = high[:, :, 0] | (high[:, :, 1] << 2) | (high[:, :, 2] << 4) | (high[:, :, 3] << 6)
    scale_bytes = steps.to(torch.int8).view(torch.uint8)
    return torch.cat([low_bytes.reshape(-1, 128), high_bytes.reshape(-1, 64), scale_bytes, _half_bytes(d)], dim=1)


def _fit_q6(x: Any) -> Any:
    """The scale of each block, of either sign: x ≈ scale · q, q from -32 to 31. The largest value becomes about -32."""
    import torch

    largest = x.gather(-1, x.abs().argmax(-1, keepdim=True))
    weight = x * x
    inverse = torch.where(largest != 0, -1 / torch.where(largest != 0, largest, 1.0), 0.0)
    best, scale = torch.zeros_like(largest[..., 0]), torch.zeros_like(largest[..., 0])
    for candidate in _CANDIDATES_Q6:
        q = (x * inverse * candidate).round().clamp(-32, 31)
        sum_xq, sum_qq = (weight * x * q).sum(-1), (weight * q * q).sum(-1)
        # The weighted error of the best scale for these levels is smaller, the larger this is.
        gain = torch.where(sum_qq > 0, sum_xq.square() / torch.where(sum_qq > 0, sum_qq, 1.0), 0.0)
        better = gain > best
        scale = torch.where(better, sum_xq / torch.where(sum_qq > 0, sum_qq, 1.0), scale)
        best = torch.where(better, gain, best)
    return scale
