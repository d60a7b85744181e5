"""Fetch the public data sets the networks are trained and measured on, and check every file.

The prose of Project Gutenberg is checked after its header and licence are cut off and its quotes
and dashes made plain. Where there is no network, ``--from`` takes a folder of copies.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

UCI = "https://archive.ics.uci.edu/static/public/"
GITHUB = "https://raw.githubusercontent.com/"
GUTENBERG = "https://www.gutenberg.org/cache/epub/"
SENTENCES = UCI + "331/sentiment+labelled+sentences.zip"
SALES = UCI + "396/sales+transactions+dataset+weekly.zip"
VADER = "vaderSentiment==3.3.2"  # a source distribution, fetched by pip
PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "—": "--", "–": "-"})


class DataError(Exception):
    """A file cannot be had, or is not the one expected; the message is one line."""


@dataclass(frozen=True)
class Item:
    """One file: where it goes, where it is from, and its SHA-256."""

    name: str
    source: str
    sha256: str


ITEMS = [
    Item("amazon_cells_labelled.txt", SENTENCES,
         "47003fc0a0d4840b00e96e715b6189bad09e7443a3da41c4cbe12ffc79f86ae3"),
    Item("yelp_labelled.txt", SENTENCES,
         "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea"),
    Item("imdb_labelled.txt", SENTENCES,
         "b32b7b79ecbddd88ac7cdd323acabe5f398837e6cb7879a43f0dabca00144318"),
    Item("vader_icwsm2014/amazonReviewSnippets_GroundTruth.txt", VADER,
         "11a9807a0974a2506a2d3b4851eaf69b3d6d20688ce4923adda2312a4f6dd6c2"),
    Item("vader_icwsm2014/movieReviewSnippets_GroundTruth.txt", VADER,
         "c8293b0d942e90e223ea2c0955d969040d1a1be514a978b9af0698940bd13350"),
    Item("vader_icwsm2014/nytEditorialSnippets_GroundTruth.txt", VADER,
         "7d8fbcce7dde5d716da53e78f4ef4be6b706e9ef1e1d51887e6d0ad4b69cc27e"),
    Item("vader_icwsm2014/tweets_GroundTruth.txt", VADER,
         "dfbe7102e2f92579ed8b19df9a3822491880697c67adf712fb66e520cc05102f"),
    Item("banking77_train.csv",
         GITHUB + "PolyAI-LDN/task-specific-datasets/master/banking_data/train.csv",
         "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b"),
    Item("Sales_Transactions_Dataset_Weekly.csv", SALES,
         "6f939a928c04820bc291a6184f4f1d0be694b8de58d949e808852804f25969c3"),
    Item("alice.txt", GITHUB + "PacktWorkshops/The-Deep-Learning-with-PyTorch-Workshop"
         "/master/Chapter06/Activity6.02/alice.txt",
         "d2bab528fa55fe87499ec6d98aa047962b632f5ed833a9893b7168fb458ede5a"),
    Item("prose/pickwick_papers.txt", GUTENBERG + "580/pg580.txt",
         "d2e2cd378bb05551fcddee6ce943786819151b38ed70fa34da176233726a05cd"),
    Item("prose/dorian_gray.txt", GUTENBERG + "174/pg174.txt",
         "25977e8c98eba9390491dd83580fc5614898311fdff7998bc771f63838dfe7ce"),
]  # fmt: skip

Fetch = Callable[[str], bytes]


def fetch(source: str) -> bytes:
    """The bytes at an address; for the ratings of VADER, the archive inside pip's download."""
    if source == VADER:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                       "--no-binary", ":all:", "--dest", folder, VADER]  # fmt: skip
            try:
                subprocess.run(command, check=True, capture_output=True)  # noqa: S603
                return next(Path(folder).glob("*.tar.gz")).read_bytes()
            except (OSError, subprocess.CalledProcessError, StopIteration) as error:
                raise DataError(f"{VADER} cannot be downloaded with pip.") from error
    try:
        response = httpx.get(source, follow_redirects=True, timeout=60)
        return response.raise_for_status().content
    except httpx.HTTPError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source} cannot be fetched ({reason}); see --from.") from error


def extract(item: Item, blob: bytes) -> bytes:
    """The wanted file out of what its source delivers, with the line ends of the checked copy."""
    base = item.name.rpartition("/")[2]
    try:
        if item.source == VADER:
            return _from_tar(_from_tar(blob, "hutto_ICWSM_2014.tar.gz"), base)
        if item.source.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(blob)) as archive:
                member = next(
                    name
                    for name in archive.namelist()
                    if name.endswith(base) and "__MACOSX" not in name
                )
                content = archive.read(member)
            return content.replace(b"\r\n", b"\n") if base.endswith(".txt") else content
        if item.name.startswith("prose/"):
            return _prose(blob.decode("utf-8-sig"))
    except (StopIteration, KeyError, ValueError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise DataError(f"{item.source} does not hold {base}.") from error
    return blob


def _from_tar(blob: bytes, base: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(blob)) as archive:
        member = next(m for m in archive if m.isfile() and m.name.endswith("/" + base))
        file = archive.extractfile(member)
        if file is None:
            raise KeyError(base)
        return file.read()


def _prose(text: str) -> bytes:
    text = text.replace("\r\n", "\n").split("*** START OF", 1)[1].split("\n", 1)[1]
    return text.split("*** END OF", 1)[0].strip().translate(PLAIN).encode()


def store(item: Item, content: bytes, target: Path) -> None:
    """Check a file and put it in place, whole or not at all."""
    if hashlib.sha256(content).hexdigest() != item.sha256:
        raise DataError(f"{item.name} from {item.source} is not the file expected (SHA-256).")
    path = target / item.name
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def download(target: Path, copies: Path | None, items: list[Item], get: Fetch = fetch) -> None:
    """Bring every item into ``target``; those already there are left alone.

    Raises:
        DataError: a source is out of reach, or a file is not the one expected.
    """
    blobs: dict[str, bytes] = {}
    for item in items:
        path = target / item.name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == item.sha256:
            continue
        print(item.name, file=sys.stderr)
        if copies is not None:
            try:
                content = (copies / item.name).read_bytes()
            except OSError as error:
                raise DataError(f"{copies / item.name} cannot be read.") from error
        else:
            if item.source not in blobs:
                blobs[item.source] = get(item.source)
            content = extract(item, blobs[item.source])
        store(item, content, target)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when all files are in place, 1 with one line otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=Path("data"), help="where the files go")
    parser.add_argument("--from", dest="copies", type=Path, help="a folder of copies to take")
    options = parser.parse_args(arguments)
    try:
        download(options.to, options.copies, ITEMS)
    except (DataError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
