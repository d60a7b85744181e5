"""What ships of a trained network: ONNX graphs, arrays, and one JSON model card.

A card is a plain JSON object. Besides what each network adds (vocabulary, hyper-parameters,
calibration, figures, training command, data hashes) it holds ``files``: the SHA-256 of every
other file of the artifact, so that weights that do not belong together are refused.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).parent / "weights"
CARD = "card.json"


class WeightsError(Exception):
    """An artifact is missing, damaged or mismatched; the message says which file and what to do."""


def sha256(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_card(directory: Path, card: dict[str, Any]) -> None:
    """Write the card last, with the hashes of the files that lie beside it."""
    files = {
        path.name: sha256(path)
        for path in sorted(directory.iterdir())
        if path.is_file() and path.name != CARD
    }
    text = json.dumps({**card, "files": files}, indent=1, ensure_ascii=False)
    (directory / CARD).write_text(text + "\n", encoding="utf-8")


def load_card(directory: Path) -> dict[str, Any]:
    """Read a card and check every file it names.

    Raises:
        WeightsError: a file is missing, unreadable, or not the one the card was written for.
    """
    path = directory / CARD
    remedy = f"Restore {directory} from the release, or train again with scripts/train_*.py."
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        files: dict[str, str] = card["files"]
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing. {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{path} cannot be read ({error}). {remedy}") from error
    for name, digest in files.items():
        file = directory / name
        if not file.is_file():
            raise WeightsError(f"{file} is missing. {remedy}")
        if sha256(file) != digest:
            raise WeightsError(f"{file} does not match {path}. {remedy}")
    return card


def open_session(path: Path) -> Any:
    """An ONNX Runtime session on one CPU thread.

    One thread keeps answers the same on every machine and leaves the other cores to the desk.

    Raises:
        WeightsError: the graph cannot be loaded.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises many types of its own
        raise WeightsError(f"{path} cannot be loaded ({error}). Restore it.") from error
