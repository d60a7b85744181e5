"""The texts: public-domain prose to learn English from, then Alice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ALICE = "alice.txt"
HELD_OUT = "prose/dorian_gray.txt"  # the end of this book shows how the network does elsewhere


@dataclass(frozen=True)
class Corpus:
    """What is learned from, tuned on, and measured on."""

    prose: str
    train: str  # Alice, the first 90%
    validation: str  # Alice, the 5% after it
    test: str  # Alice, the last 5%
    unseen_prose: str  # the last 5% of another book
    files: list[str]

    @property
    def learned(self) -> str:
        """Everything that training may look at."""
        return self.prose + self.train

    @property
    def alphabet(self) -> str:
        """The characters that occur in what is learned, in code point order."""
        return "".join(sorted(set(self.learned)))


def read_alice(folder: Path) -> str:
    """The whole of Alice, 145,178 characters, with ``\\n`` line ends.

    Raises:
        OSError: the file is not there.
    """
    return (folder / ALICE).read_text(encoding="latin-1")


def load(folder: Path) -> Corpus:
    """Read every book in ``prose/``, and Alice.

    Raises:
        OSError: a file is not there.
    """
    alice = read_alice(folder)
    books = sorted(path for path in (folder / "prose").glob("*.txt"))
    held_out = folder / HELD_OUT
    ending = held_out.read_text(encoding="utf-8")
    cut = int(len(ending) * 0.95)
    prose = [
        ending[:cut] if path == held_out else path.read_text(encoding="utf-8") for path in books
    ]
    first, second = int(len(alice) * 0.9), int(len(alice) * 0.95)
    return Corpus(
        prose="\n\n\n\n".join(prose),
        train=alice[:first],
        validation=alice[first:second],
        test=alice[second:],
        unseen_prose=ending[cut:],
        files=[ALICE, *(f"prose/{path.name}" for path in books)],
    )
