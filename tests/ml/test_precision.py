import pytest
import torch

from ml.precision import bfloat16


@pytest.mark.parametrize(("capability", "used"), [("AVX512", True), ("AVX2", False)])
def test_a_processor_multiplies_bfloat16_only_where_it_is_fast(
    monkeypatch: pytest.MonkeyPatch, capability: str, used: bool
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    with bfloat16("cpu"):
        assert torch.is_autocast_enabled("cpu") is used
