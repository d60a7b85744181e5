"""In which numbers training multiplies matrices."""

from __future__ import annotations

import torch


def bfloat16(device: str) -> torch.autocast:
    """A context of bfloat16 on ``cuda``, and on processors that have tiles (AMX) for it.

    Others are slower in it than in float32: half as fast with AVX-512, many times without, where
    LSTMs cannot be run in it at all.
    """
    fast = device != "cpu" or bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return torch.autocast(device, torch.bfloat16, enabled=fast)
