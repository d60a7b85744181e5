"""The teacher: a transformer, fine-tuned, whose opinion of many texts the LSTM learns.

Distilling a transformer into an LSTM follows Tang et al. (2019). The transformer starts from
all-mpnet-base-v2 (Apache 2.0; Song et al., 2020; Reimers and Gurevych, 2019). Of it, vectors of
single words ship.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml.chance import Chance
from ml.precision import bfloat16
from ml.sentiment.data import Example
from ml.sentiment.train import HAPPY_WEIGHT

FOLDER = "all-mpnet-base-v2"  # of the pretrained weights, among the data
LONGEST = 160  # tokens that are read
BATCH = 32
SORTED = 40  # batches whose texts are sorted by length together


class Teacher(nn.Module):
    """all-mpnet-base-v2 with two outputs over the mean of its tokens."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Load the pretrained weights from a folder.

        Raises:
            OSError: they are not there.
        """
        super().__init__()
        from transformers import AutoModel, AutoTokenizer

        torch.manual_seed(seed)
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.encoder = AutoModel.from_pretrained(folder, local_files_only=True)
        self.encoder.get_input_embeddings().requires_grad_(False)
        self.width: int = self.encoder.config.hidden_size
        self.head = nn.Linear(self.width, 2)
        self.dropout = nn.Dropout(0.1)

    def _mean(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Mean of the last states over tokens, [batch, width], float32."""
        with bfloat16(ids.device.type):
            states = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        real = mask.unsqueeze(-1).float()
        mean: Tensor = (states.float() * real).sum(1) / real.sum(1)
        return mean

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits [batch, 2] of unhappy and happy, from token numbers [batch, length]."""
        mean = self._mean(ids, mask)
        with torch.autocast(ids.device.type, enabled=False):
            logits: Tensor = self.head(self.dropout(mean))
        return logits

    def _batches(
        self, texts: Sequence[str], rng: Chance
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Numbers of texts of about one length, token numbers, and where tokens are."""
        encoded = self._tokenizer(list(texts), truncation=True, max_length=LONGEST)["input_ids"]
        order = list(range(len(texts)))
        rng.shuffle(order)
        batches = []
        for start in range(0, len(order), BATCH * SORTED):
            near = sorted(order[start : start + BATCH * SORTED], key=lambda i: len(encoded[i]))
            batches += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
        rng.shuffle(batches)
        device = self.head.weight.device
        for batch in tqdm(batches, "teacher", leave=False, mininterval=10):
            padded = self._tokenizer.pad(
                {"input_ids": [encoded[i] for i in batch]}, return_tensors="pt"
            ).to(device)
            yield batch, padded["input_ids"], padded["attention_mask"]

    def fit(self, examples: Sequence[Example], rates: tuple[float, float], seed: int) -> None:
        """Fine-tune for one epoch with AdamW, the rate falling from the first to the second."""
        torch.manual_seed(seed)
        device = self.head.weight.device
        targets = torch.tensor([[e.unhappy, e.happy] for e in examples])
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=rates[0], weight_decay=0.01)
        self.train()
        done = 0
        rng = Chance(seed)
        for batch, ids, mask in self._batches([e.text for e in examples], rng):
            share = done / len(examples)
            rate = rates[0] + (rates[1] - rates[0]) * share
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (share + 0.001) / 0.05)
            wanted = targets[batch].to(device)
            losses = nn.functional.binary_cross_entropy_with_logits(
                self(ids, mask), wanted.nan_to_num(), reduction="none"
            )
            strength = torch.tensor([1.0, HAPPY_WEIGHT], device=device) * ~wanted.isnan()
            loss = (losses * strength).sum() / len(batch)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            done += len(batch)
        self.eval()

    @torch.no_grad()
    def judge(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """P(unhappy) and P(happy) [texts, 2], float32."""
        self.eval()
        judged = np.zeros((len(texts), 2), np.float32)
        device = self.head.weight.device
        with bfloat16(device.type):  # once: it casts the weights
            for batch, ids, mask in self._batches(texts, Chance(0)):
                judged[batch] = torch.sigmoid(self(ids, mask)).cpu().numpy()
        return judged

    @torch.no_grad()
    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """What it makes of each word alone, float32 [words, width].

        Static vectors out of a sentence transformer, as in Model2Vec (Tulkens and van Dongen,
        2024).
        """
        self.eval()
        known = np.zeros((len(words), self.width), np.float32)
        for batch, ids, mask in self._batches(words, Chance(0)):
            known[batch] = self._mean(ids, mask).cpu().numpy()
        return known
