import bz2
import gzip
import hashlib
import io
import lzma
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.scripts.loading import load_script

script = load_script("download_data")


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "www"
    folder.mkdir()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("inside/a.txt", b"one\r\ntwo\r\n")
    (folder / "a.zip").write_bytes(archive.getvalue())
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()


def item(source, content=b"one\ntwo\n"):
    return script.Item("a.txt", source, hashlib.sha256(content).hexdigest())


def test_a_file_is_taken_from_its_archive_with_plain_line_ends(server, tmp_path):
    script.download(tmp_path / "data", None, [item(server + "a.zip")])
    assert (tmp_path / "data" / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_wrong_hash_leaves_nothing_behind(server, tmp_path):
    with pytest.raises(script.DataError, match="not the file expected"):
        script.download(tmp_path / "data", None, [item(server + "a.zip", b"other")])
    assert not list((tmp_path / "data").rglob("*.*"))


def test_an_unreachable_source_is_one_line(server, tmp_path):
    with pytest.raises(script.DataError, match="cannot be fetched") as caught:
        script.download(tmp_path / "data", None, [item(server + "missing.zip")])
    assert "\n" not in str(caught.value)


def test_copies_are_taken_where_there_is_no_network(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"one\ntwo\n")
    script.download(tmp_path / "data", tmp_path, [item("nowhere")])
    assert (tmp_path / "data" / "a.txt").read_bytes() == b"one\ntwo\n"


def test_a_missing_folder_of_copies_exits_with_one(tmp_path, capsys):
    assert script.main(["--from", str(tmp_path / "none"), "--to", str(tmp_path / "data")]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_an_optional_copy_may_be_missing(tmp_path, capsys):
    wanted = script.Item("b.txt", "nowhere", "", optional=True)
    script.download(tmp_path / "data", tmp_path, [wanted])
    assert "going on without" in capsys.readouterr().err


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_book_that_r_saved_is_read(pack):
    lines = [f"line {n}" for n in range(200)]
    vector = b"".join(b"\0\4\0\x09" + len(one).to_bytes(4) + one.encode() for one in lines)
    decoy = b"\0\4\0\x09" + (16).to_bytes(4) + b"sensesensibility"
    blob = b"RDX3\nX\n" + decoy + b"\0\0\0\x10" + (200).to_bytes(4) + vector + b"\0\0\0\xfe"
    found = script.extract(script.Item("prose/a.txt", "here/a.rda", ""), pack(blob))
    assert found.decode().split("\n") == lines
