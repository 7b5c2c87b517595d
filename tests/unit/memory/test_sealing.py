"""Values at rest are readable with the key, under their own name, and not otherwise."""

from __future__ import annotations

import base64
import errno
import os
import pickle
import sys
import threading
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.errors import ConfigError, MissingExtra, StoreCorrupt
from quarterdeck.memory import sealing
from quarterdeck.memory.sealing import new_key, open_seal, rotate_key

NAME = "{default.a.0}:value:notes"
JSON = b'{"note":"the harbour at dawn"}'


@pytest.fixture
def key_file(tmp_path):
    """A new key file."""
    path = str(tmp_path / "keys" / "memory.key")
    new_key(path)
    return path


@pytest.fixture(scope="module")
def seal(tmp_path_factory):
    """A seal that all tests may share."""
    path = str(tmp_path_factory.mktemp("keys") / "memory.key")
    new_key(path)
    return open_seal(path)


def without_plain(path):
    """Take the line out that lets plain values be read."""
    with open(path, encoding="ascii") as file:
        lines = file.readlines()
    with open(path, "w", encoding="ascii") as file:
        file.writelines(line for line in lines if line != "accept-plain\n")


def secrets_in(path):
    """The keys of a file, as text and as bytes."""
    with open(path, encoding="ascii") as file:
        keys = [line.split()[1] for line in file if len(line.split()[0]) == 8]
    return [*keys, *(repr(base64.b64decode(key)) for key in keys), *(base64.b64decode(k).hex() for k in keys)]


class TestSeal:
    @given(data=st.binary(), name=st.text(max_size=50))
    def test_what_was_closed_opens_again(self, seal, data, name):
        """Any bytes, under any name; and the sealed bytes cannot be taken for JSON."""
        sealed = seal.close(data, name)
        assert seal.open(sealed, name) == data
        assert sealed[0] == 1
        assert len(sealed) == len(data) + 33

    @given(data=st.binary(min_size=8))
    def test_nothing_of_it_can_be_read(self, seal, data):
        """Not in the sealed bytes, which are other ones each time."""
        sealed = seal.close(data, NAME)
        assert data not in sealed
        assert sealed != seal.close(data, NAME)

    @given(place=st.integers(0, 32 + len(JSON)), other=st.integers(1, 255))
    def test_a_changed_byte_is_noticed(self, seal, place, other):
        """Wherever it is: in the ciphertext, its tag, the nonce, or the id of the key."""
        sealed = bytearray(seal.close(JSON, NAME))
        sealed[place] ^= other
        if place == 0:  # not a sealed value any more: taken for a plain one, which is no JSON
            assert seal.open(bytes(sealed), NAME) == sealed
            return
        with pytest.raises(StoreCorrupt):
            seal.open(bytes(sealed), NAME)

    @given(length=st.integers(1, 32 + len(JSON)))
    def test_a_value_that_was_cut_off_is_noticed(self, seal, length):
        """After any byte."""
        with pytest.raises(StoreCorrupt):
            seal.open(seal.close(JSON, NAME)[:length], NAME)

    @given(name=st.text(max_size=50).filter(lambda name: name != NAME))
    def test_a_value_fits_no_other_name(self, seal, name):
        """Whoever copies it to another entry gains nothing."""
        with pytest.raises(StoreCorrupt, match="copied from another name"):
            seal.open(seal.close(JSON, NAME), name)

    def test_without_a_key_file_values_are_plain(self):
        """And stay what they are."""
        plain = open_seal("")
        assert plain.close(JSON, NAME) == plain.open(JSON, NAME) == JSON

    def test_threads_share_one(self, seal):
        """Also while they close and open at the same time."""
        wrong = []

        def work(number):
            data = f'"{number}"'.encode() * 50
            for _ in range(100):
                if seal.open(seal.close(data, NAME), NAME) != data:
                    wrong.append(number)  # noqa: PERF401 - what a thread found must be seen outside

        threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


class TestPlainValues:
    def test_a_store_that_was_plain_stays_readable(self, key_file):
        """A new key file accepts plain values."""
        assert open_seal(key_file).open(JSON, NAME) == JSON

    def test_they_are_refused_when_the_file_does_not_accept_them(self, key_file):
        """So that nobody can put one there."""
        without_plain(key_file)
        seal = open_seal(key_file)
        assert seal.open(seal.close(JSON, NAME), NAME) == JSON
        with pytest.raises(StoreCorrupt, match="not sealed") as refused:
            seal.open(JSON, NAME)
        assert "accept-plain" in refused.value.hint


class TestKeys:
    def test_a_new_file_is_its_owners_only(self, key_file):
        """Whatever the umask; and its folder too."""
        assert os.stat(key_file).st_mode & 0o777 == 0o600
        assert os.stat(os.path.dirname(key_file)).st_mode & 0o777 == 0o700

    def test_no_file_is_overwritten(self, key_file):
        """Its keys may be the only way to read something."""
        with open(key_file, "rb") as file:
            before = file.read()
        with pytest.raises(ConfigError, match="there already"):
            new_key(key_file)
        with open(key_file, "rb") as file:
            assert file.read() == before

    def test_a_full_disk_leaves_no_half_of_a_key(self, tmp_path, monkeypatch):
        """So the next try makes a whole one, and nothing else is left over."""
        path = str(tmp_path / "memory.key")
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
            with pytest.raises(ConfigError, match="No space left"):
                new_key(path)
        assert os.listdir(tmp_path) == []
        new_key(path)
        assert os.listdir(tmp_path) == ["memory.key"]
        open_seal(path)

    def test_no_link_is_followed(self, tmp_path, key_file):
        """Neither to a file that is there nor to one that is not."""
        link = tmp_path / "link"
        link.symlink_to(key_file)
        with pytest.raises(ConfigError):
            open_seal(str(link))
        link.unlink()
        link.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(ConfigError):
            new_key(str(link))
        assert not (tmp_path / "elsewhere").exists()

    def test_older_values_open_after_a_rotation(self, key_file):
        """And new ones are sealed with the new key."""
        old = open_seal(key_file).close(JSON, NAME)
        newest = rotate_key(key_file)
        seal = open_seal(key_file)
        assert seal.open(old, NAME) == JSON
        assert seal.close(JSON, NAME)[1:5].hex() == newest != old[1:5].hex()
        assert os.stat(key_file).st_mode & 0o777 == 0o600

    def test_a_store_that_is_open_notices_a_rotation(self, key_file):
        """When it meets the first value that is sealed with the new key."""
        seal = open_seal(key_file)
        newest = rotate_key(key_file)
        sealed = open_seal(key_file).close(JSON, NAME)
        assert seal.open(sealed, NAME) == JSON
        assert seal.close(JSON, NAME)[1:5].hex() == newest

    def test_rotations_at_once_lose_no_key(self, key_file):
        """Each waits for the other."""
        made = []
        threads = [threading.Thread(target=lambda: made.append(rotate_key(key_file))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(secrets_in(key_file)) == 5 * 3
        assert len(set(made)) == 4

    def test_a_rotation_keeps_plain_values_refused(self, key_file):
        """Once the line has been taken out."""
        without_plain(key_file)
        rotate_key(key_file)
        with pytest.raises(StoreCorrupt):
            open_seal(key_file).open(JSON, NAME)

    def test_an_unknown_key_is_named(self, tmp_path, key_file):
        """By its id, so that it can be looked for."""
        sealed = open_seal(key_file).close(JSON, NAME)
        other = str(tmp_path / "other.key")
        new_key(other)
        with pytest.raises(StoreCorrupt, match=sealed[1:5].hex()):
            open_seal(other).open(sealed, NAME)


class TestKeyFile:
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o700, 0o620])
    def test_others_must_not_be_able_to_use_it(self, key_file, mode):
        """The hint is the command that mends it."""
        os.chmod(key_file, mode)
        with pytest.raises(ConfigError) as refused:
            open_seal(key_file)
        assert f"chmod 600 {key_file}" in refused.value.hint

    def test_it_may_be_read_only(self, key_file):
        """A mode that allows less is fine."""
        os.chmod(key_file, 0o400)
        assert open_seal(key_file).open(JSON, NAME) == JSON

    def test_it_must_be_there(self, tmp_path):
        """A missing file is an error, not a new key."""
        with pytest.raises(ConfigError):
            open_seal(str(tmp_path / "missing"))
        with pytest.raises(ConfigError):
            rotate_key(str(tmp_path / "missing"))

    def test_it_must_be_ours(self, key_file, monkeypatch):
        """Somebody else's file may be changed by somebody else."""
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(ConfigError, match="somebody else"):
            open_seal(key_file)

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"\xff\xfe",
            b"quarterdeck-memory-key 2\n",
            b"quarterdeck-memory-key 1\n",
            b"quarterdeck-memory-key 1\n01020304 AAAA\n",
            b"quarterdeck-memory-key 1\n0102 " + base64.b64encode(bytes(32)) + b"\n",
            b"quarterdeck-memory-key 1\n01020304 " + base64.b64encode(bytes(32)) + b" more\n",
            b"quarterdeck-memory-key 1\n" + 2 * (b"01020304 " + base64.b64encode(bytes(32)) + b"\n"),
            b"quarterdeck-memory-key 1\n01020304 " + base64.b64encode(bytes(32)) + b"\n" + b"#" * 65_536,
        ],
    )
    def test_a_damaged_file_is_refused(self, key_file, content):
        """Without showing what is in it."""
        with open(key_file, "wb") as file:
            file.write(content)
        with pytest.raises(ConfigError) as refused:
            open_seal(key_file)
        assert "AAAA" not in str(refused.value)

    @given(content=st.binary(max_size=200))
    def test_no_content_gives_anything_but_our_error(self, content):
        """Or, by chance, keys."""
        with pytest.raises(ConfigError):
            sealing._parsed(content, "memory.key")

    def test_comments_and_empty_lines_are_allowed(self, key_file):
        """People note when they rotated."""
        with open(key_file, "a", encoding="ascii") as file:
            file.write("\n# rotated in May\n")
        assert open_seal(key_file).open(JSON, NAME) == JSON


class TestNothingIsShown:
    def test_no_key_is_in_any_text(self, key_file):
        """Neither in how a seal shows itself nor in an error, nor can a seal be pickled."""
        seal = open_seal(key_file)
        shown = repr(seal) + str(seal) + repr(sealing._read(key_file))
        with pytest.raises(StoreCorrupt) as refused:
            seal.open(seal.close(JSON, NAME)[:-1] + b"x", NAME)
        shown += str(refused.value) + repr(refused.value)
        assert "harbour" not in shown
        assert not [secret for secret in secrets_in(key_file) if secret in shown]
        with pytest.raises(TypeError):
            pickle.dumps(seal)

    def test_without_the_package_the_error_says_what_to_install(self, key_file, monkeypatch):
        """Only those who encrypt need it."""
        monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
        with pytest.raises(MissingExtra) as missing:
            open_seal(key_file)
        assert "pip install 'quarterdeck[encryption]'" in missing.value.hint
        assert open_seal("").close(JSON, NAME) == JSON
