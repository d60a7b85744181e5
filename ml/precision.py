"""In which numbers training multiplies matrices."""

from __future__ import annotations

import torch


def bfloat16(device: str) -> torch.autocast:
    """A context of bfloat16 on ``cuda``, and on processors that multiply it fast.

    Without AVX-512 it is many times slower than float32, and LSTMs cannot be run in it at all.
    """
    fast = device != "cpu" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(device, torch.bfloat16, enabled=fast)
