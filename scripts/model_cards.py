"""Write docs/models.md from the model cards: python scripts/model_cards.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ml.artifact import CARD, WEIGHTS

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
HEAD = """# The networks

This page is written by `scripts/model_cards.py` from the cards beside the weights
(`ml/weights/*/card.json`), and they by the training scripts: every figure is of texts or weeks
that training never saw, and baselines were measured in the same run. An interval in brackets is a
95% bootstrap interval. torch trains the networks; ONNX Runtime serves them.

`scripts/download_data.py` fetches the data. Each training script takes `--recipe textbook` for
the plain textbook recipe, whose figures, unlike those here, are on the data it learns; `--seed`,
`--device cpu|cuda`; an interrupted run goes on where it stopped. How fast the networks are:
`scripts/bench_sentiment.py`, `bench_completion.py`, `bench_forecast.py`.
"""


def number(value: Any) -> str:
    """A figure with the ends of its interval, or either alone; nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, list):
        *middle, low, high = (f"{part:.3f}" for part in value)
        return f"{middle[0]} ({low} to {high})" if middle else f"{low} to {high}"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def table(figures: dict[str, Any]) -> list[str]:
    """The network above its baselines, and what it saved against each."""
    baselines: dict[str, dict[str, Any]] = figures["baselines"]
    columns = [name for name in figures if all(name in row for row in baselines.values())]
    columns += [name for name in next(iter(baselines.values())) if name.endswith("_saved")]
    columns = list(dict.fromkeys(columns))
    rows = {"**network**": figures, **baselines}
    return [
        "| | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {name} | " + " | ".join(number(row.get(column)) for column in columns) + " |"
            for name, row in rows.items()
        ),
    ]


def parts(figures: dict[str, Any]) -> list[str]:
    """A row for each part, all with the same columns."""
    (name, first), *others = figures.items()
    rows = table({**first, "baselines": dict(others)})
    return [row.replace("**network**", name) for row in rows]


def bullets(figures: dict[str, Any]) -> list[str]:
    """One line a figure."""
    return [
        f"- {name}: {number(value)}"
        for name, value in figures.items()
        if isinstance(value, int | float) or (isinstance(value, list) and len(value) == 3)
    ]


def section(card: dict[str, Any]) -> list[str]:
    """What one card says."""
    lines = [f"## {card['network'].capitalize()}", "", card["about"]]
    lines += ["", f"Made by `{card['command']}`."]
    for title in ("split", "licences"):
        content = card.get(title)
        if isinstance(content, dict):
            content = "; ".join(f"{name} ({licence})" for name, licence in content.items())
        if content:
            lines += ["", f"{title.capitalize()}: {' '.join(content.split())}"]
    for name, figures in card["figures"].items():
        lines += ["", f"### {name[0].upper()}{name[1:]}", ""]
        if not isinstance(figures, dict):
            lines.append(number(figures))
        elif "baselines" in figures:
            lines += table(figures)
        elif all(isinstance(value, dict) for value in figures.values()):
            (_, first), *others = figures.items()
            lines += table({**first, "baselines": dict(others)})
        else:
            lines += bullets(figures)
    for band, meaning in card.get("bands mean", {}).items():
        lines += ["", f"Band **{band}**, from {card['bands'][band]}: {meaning}."]
    for name, bands in card.get("complaints per band", {}).items():
        lines += ["", f"### {name[0].upper()}{name[1:]}, by band", "", *parts(bands)]
    kinds = "messages written later, by kind"
    if kinds in card:
        lines += ["", "### Messages written later: share on the right side of 0.5, by kind", ""]
        lines += parts(card[kinds])
    for name in ("overlap", "English taken for another language"):
        if name in card:
            lines += ["", f"### {name[0].upper()}{name[1:]}", "", *bullets(card[name])]
    failures = card.get("known failures", {})
    if failures:
        lines += ["", f"### Known failures: {failures['rule']}", ""]
        lines += [f"- {json.dumps(one, ensure_ascii=False)}" for one in failures["messages"]]
    return [*lines, *(f"\n{remark}" for remark in card.get("remarks", [])), ""]


def main() -> None:
    """Write the page."""
    names = ("sentiment", "completion", "forecast")
    cards = [json.loads((WEIGHTS / name / CARD).read_text(encoding="utf-8")) for name in names]
    lines = [line for card in cards for line in section(card)]
    PAGE.write_text(HEAD + "\n" + "\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
