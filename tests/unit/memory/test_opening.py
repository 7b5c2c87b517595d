"""From settings to a store: which file or server it is, and whose eyes it is for."""

from __future__ import annotations

import os
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from quarterdeck.errors import ConfigError, MemoryUnavailable, NothingToRead, StateError, UsageError
from quarterdeck.memory import MemoryConfig, RedisConfig, UnifiedMemory, open_store
from quarterdeck.memory.opening import configured

SETTINGS = """
[tool.quarterdeck.memory]
namespace = "team"
local_cache_size = 7
pii_scrub_enabled = false
"""


@pytest.fixture
def project(tmp_path):
    top = tmp_path / "project"
    (top / "src").mkdir(parents=True)
    (top / "pyproject.toml").write_text(SETTINGS)
    return top


def modes(folder):
    return {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}


class TestSettings:
    def test_the_project_says(self, project):
        """From any folder in it."""
        config = configured(str(project / "src"))
        assert isinstance(config, MemoryConfig)
        assert (config.namespace, config.local_cache_size, config.pii_scrub_enabled) == ("team", 7, False)
        assert config.secrets_detection_enabled

    def test_the_environment_says_more_than_the_project(self, project, monkeypatch):
        """And flags more than both; None says nothing."""
        monkeypatch.setenv("QUARTERDECK_MEMORY_NAMESPACE", "mine")
        monkeypatch.setenv("QUARTERDECK_MEMORY_LOCAL_CACHE_ENABLED", "no")
        config = configured(str(project), {"local_cache_size": 9, "path": None})
        assert (config.namespace, config.local_cache_size, config.local_cache_enabled) == ("mine", 9, False)

    def test_a_url_is_a_server(self, project, monkeypatch):
        """With what else is set for it."""
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", "redis://localhost:1/0")
        monkeypatch.setenv("QUARTERDECK_MEMORY_TIMEOUT_S", "0.5")
        config = configured(str(project))
        assert isinstance(config, RedisConfig)
        assert (config.url, config.namespace, config.timeout_s) == ("redis://localhost:1/0", "team", 0.5)

    def test_relative_paths_are_below_the_project(self, project, monkeypatch):
        """Wherever one is; others stay as they are."""
        monkeypatch.setenv("QUARTERDECK_MEMORY_PATH", "data/m.sqlite")
        monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", "~/memory.key")
        config = configured(str(project / "src"))
        assert isinstance(config, MemoryConfig)
        assert config.path == str(project / "data" / "m.sqlite")
        assert config.key_file == str(Path("~/memory.key").expanduser())
        monkeypatch.setenv("QUARTERDECK_MEMORY_URL", "rediss://localhost")
        monkeypatch.setenv("QUARTERDECK_MEMORY_KEY_FILE", "/keys/memory.key")
        monkeypatch.setenv("QUARTERDECK_MEMORY_SSL_CA_CERTS", "ca.pem")
        config = configured(str(project / "src"))
        assert isinstance(config, RedisConfig)
        assert (config.key_file, config.ssl_ca_certs) == ("/keys/memory.key", str(project / "ca.pem"))
        assert config.ssl_certfile == config.ssl_keyfile == ""

    def test_an_unknown_setting_is_refused_with_the_nearest_name(self, project, monkeypatch):
        """And without its value, which may be a secret."""
        (project / "pyproject.toml").write_text(SETTINGS + 'local_cashe_size = "s3cret"\n')
        with pytest.raises(ConfigError) as refused:
            configured(str(project))
        assert "local_cashe_size" in refused.value.message
        assert "local_cache_size?" in refused.value.hint
        assert "s3cret" not in str(refused.value)
        (project / "pyproject.toml").write_text(SETTINGS)
        monkeypatch.setenv("QUARTERDECK_MEMORY_PASSWORD", "s3cret")
        with pytest.raises(ConfigError) as refused:
            configured(str(project))
        assert "s3cret" not in str(refused.value)

    @pytest.mark.parametrize(
        "line",
        [
            'url = "redis://h"\nbuckets = 0', "namespace = ''", "namespace = 7", "max_value_bytes = -1",
            'path = "a\\u0000b"', "url = true",
        ],
    )  # fmt: skip
    def test_what_cannot_be_meant_is_refused(self, project, line):
        """Also where only the memory knows it."""
        (project / "pyproject.toml").write_text(f"[tool.quarterdeck.memory]\n{line}\n")
        setting = line.splitlines()[-1].partition(" ")[0]
        with pytest.raises(ConfigError, match=setting):
            configured(str(project))


class TestFiles:
    def test_a_project_has_a_memory_of_its_own(self, project, monkeypatch):
        """In its state, the same from any of its folders; only its owner reads it."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        for folder, value in ((project, 1), (project / "src", 2)):
            monkeypatch.chdir(folder)
            with UnifiedMemory("ann") as memory:
                assert memory.retrieve("k") == (None if value == 1 else 1)
                memory.stash("k", value)
                state = project / ".quarterdeck"
                found = modes(state)
                assert {"memory.sqlite", "memory.sqlite-slots"} <= set(found)
                assert {name: mode for name, mode in found.items() if name.startswith("memory")} == {
                    name: "0o600" for name in found if name.startswith("memory")
                }
                assert stat.S_IMODE(state.stat().st_mode) == 0o700

    def test_a_project_that_cannot_be_written_to_has_it_in_the_users_state(self, project, monkeypatch):
        """Nothing is left in the project; with a home of its own it is never used."""
        monkeypatch.delenv("QUARTERDECK_HOME")
        (project / ".quarterdeck").write_text("somebody else's")
        with closing(open_store(root=str(project))) as store, UnifiedMemory("ann", store=store) as memory:
            memory.stash("k", 1)
            path = Path(str(memory.store.backend.health().details["path"]))
        assert path.is_relative_to(os.environ["XDG_STATE_HOME"])
        assert modes(path.parent)["memory.sqlite"] == "0o600"
        assert sorted(each.name for each in project.iterdir()) == [".quarterdeck", "pyproject.toml", "src"]

    def test_the_mode_does_not_depend_on_the_umask(self, tmp_path):
        """A file that is given lies in a folder that is made, for its owner's eyes only."""
        before = os.umask(0)
        try:
            config = MemoryConfig(path=str(tmp_path / "new" / "deep" / "m.sqlite"))
            with UnifiedMemory("ann", config) as memory:
                memory.stash("k", 1)
                memory.retrieve("k")
                assert set(modes(tmp_path / "new" / "deep").values()) == {"0o600"}
        finally:
            os.umask(before)
        assert modes(tmp_path) == {"new": "0o700"}
        assert modes(tmp_path / "new") == {"deep": "0o700"}

    def test_a_given_path_is_where_it_says(self, tmp_path, monkeypatch):
        """Relative to the working folder, or to the home; it may be any name that the system takes."""
        monkeypatch.chdir(tmp_path)
        for path, file in (
            ("m.sqlite", tmp_path / "m.sqlite"),
            ("~/m.sqlite", Path("~/m.sqlite").expanduser()),
            ("a?mode=ro#é.sqlite", tmp_path / "a?mode=ro#é.sqlite"),
        ):
            with UnifiedMemory("ann", MemoryConfig(path=path)) as memory:
                memory.stash("k", path)
            assert file.is_file()
            with UnifiedMemory("ann", MemoryConfig(path=str(file))) as memory:
                assert memory.retrieve("k") == path

    def test_a_place_that_is_none_is_a_state_error(self, tmp_path):
        """It says which, and leaves what is there as it was."""
        (tmp_path / "file").write_text("text")
        (tmp_path / "folder").mkdir()
        (tmp_path / "text.sqlite").write_text("no database, but something that somebody needs" * 100)
        for path in ("file/m.sqlite", "folder", "text.sqlite", "x" * 300):
            config = MemoryConfig(path=str(tmp_path / path))
            with pytest.raises(StateError), UnifiedMemory("ann", config) as memory:
                memory.stash("k", 1)
        assert (tmp_path / "file").read_text() == "text"
        assert (tmp_path / "text.sqlite").read_text().startswith("no database")

    def test_a_root_that_is_none_is_said_to_be_none(self, tmp_path):
        """Nothing is made there."""
        with pytest.raises(NothingToRead):
            open_store(root=str(tmp_path / "absent"))
        assert list(tmp_path.iterdir()) == []

    def test_nothing_is_opened_before_it_is_used(self, tmp_path):
        """Neither a file nor a connection."""
        open_store(MemoryConfig(path=str(tmp_path / "m.sqlite")))
        assert list(tmp_path.iterdir()) == []
        store = open_store(RedisConfig(host="127.0.0.1", port=1, connect_timeout_s=0.1))
        with pytest.raises(MemoryUnavailable):
            store.get("{n..0}:work:k")
        store.close()

    def test_the_library_has_the_settings_of_its_own_project(self, project, tmp_path, monkeypatch):
        """Not of the one we are in, then or later, whose settings may be broken."""
        (project / "pyproject.toml").write_text("[tool.quarterdeck.patterns]\nhalf_life_days = 7\n")
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "pyproject.toml").write_text("[tool.quarterdeck.patterns]\nhalf_life_days = -1\n")
        config = MemoryConfig(path=str(tmp_path / "m.sqlite"))
        monkeypatch.chdir(project)
        stores = [open_store(), open_store(config), open_store(RedisConfig(url="redis://localhost:1/0"))]
        monkeypatch.chdir(elsewhere)
        stores += [open_store(root=str(project)), open_store(config, str(project))]
        for store in stores:
            assert store.library.settings.half_life_days == 7
            store.close()

    def test_what_is_no_config_is_a_usage_error(self):
        """It says what is one."""
        given: Any = {"path": "m.sqlite"}
        with pytest.raises(UsageError, match="MemoryConfig"):
            open_store(given)
