from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from ml.artifact import write_card
from ml.completion import train
from ml.completion.network import CompletionNetwork, Hyperparameters, Stage

TEXT = "the cat sat on the mat. the dog sat on the log. " * 60
STAGE = Stage(epochs=2, learning_rate=0.01, batch=4)
H = Hyperparameters(embedding=8, hidden=16, length=20, prose=STAGE, alice=STAGE)
ALPHABET = "".join(sorted({*TEXT, "\n"}))
IDS = train.encode(TEXT, ALPHABET)


def fresh() -> CompletionNetwork:
    torch.manual_seed(0)
    return CompletionNetwork(len(ALPHABET) + 1, H)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network trained for a moment."""
    folder = tmp_path_factory.mktemp("completion")
    network = fresh()
    train.fit(network, IDS, H, Stage(epochs=10, learning_rate=0.02, batch=4))
    torch.save(network.state_dict(), folder.parent / "network.pt")
    train.export(network, folder / "network.onnx", H)
    (folder / "words.txt").write_text("\n".join(train.words_of(TEXT)))
    card = {"network": "completion", "alphabet": ALPHABET, "hyperparameters": asdict(H)}
    write_card(folder, card)
    return folder
