import pytest
import torch

from ml.precision import bfloat16


@pytest.mark.parametrize("tiles", [True, False])
def test_a_processor_multiplies_bfloat16_only_where_it_is_fast(
    monkeypatch: pytest.MonkeyPatch, tiles: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": tiles})
    with bfloat16("cpu"):
        assert torch.is_autocast_enabled("cpu") is tiles
