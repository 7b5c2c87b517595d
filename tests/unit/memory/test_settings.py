"""Settings of the memory: what can be set, what is refused, and what is never shown."""

from __future__ import annotations

import pytest

from quarterdeck.errors import ConfigError
from quarterdeck.memory.settings import Limits, MemoryConfig, MemorySettings, RedisConfig, without_secrets

SECRET = "s3cret"


class TestConfigs:
    def test_what_is_set_for_all_is_in_both(self):
        """And every setting is one of a config, with its default."""
        for kind in (MemoryConfig, RedisConfig):
            assert kind(namespace="n", local_cache_size=7).local_cache_size == 7
            assert set(Limits.__dataclass_fields__) < set(kind.__dataclass_fields__)
        defaults = {**vars(RedisConfig()), **vars(MemoryConfig())}
        assert {name: defaults[name] for name in MemorySettings._fields} == MemorySettings()._asdict()

    def test_a_url_makes_it_a_server(self):
        """Otherwise it is a file."""
        assert MemorySettings(path="/x", buckets=3).config() == MemoryConfig(path="/x")
        assert MemoryConfig().buckets == 1
        config = MemorySettings(url="redis://h", path="/x", buckets=3, key_file="/k").config()
        assert config == RedisConfig(url="redis://h", buckets=3, key_file="/k")

    def test_a_config_is_a_value(self):
        """It can be compared and kept in a set, and not be changed."""
        assert len({MemoryConfig(path="a"), MemoryConfig(path="a"), MemoryConfig(path="b")}) == 2
        with pytest.raises(AttributeError):
            setattr(MemoryConfig(), "path", "b")  # noqa: B010  mypy knows it, too

    @pytest.mark.parametrize(
        "name,value",
        [
            ("namespace", ""), ("namespace", "\ud800"), ("namespace", 7),
            ("namespace", None), ("namespace", "a\n"), ("local_cache_size", True),
            ("local_cache_size", -1), ("local_cache_size", 1.5), ("local_cache_size", "9"),
            ("max_key_bytes", 0), ("max_value_bytes", 0), ("max_value_bytes", float("inf")),
            ("pii_scrub_enabled", "no"), ("secrets_detection_enabled", 0), ("key_file", "a\0b"),
            ("key_file", b"k"),
            ("port", "6379"), ("timeout_s", float("nan")), ("timeout_s", float("inf")), ("timeout_s", -1),
            ("buckets", 0), ("password", 12345), ("url", None),
        ],
        ids=ascii,
    )  # fmt: skip
    def test_what_cannot_be_meant_is_refused(self, name, value):
        """By its name, and before anything is opened or connected."""
        with pytest.raises(ConfigError, match=name) as refused:
            RedisConfig(**{name: value})
        assert "12345" not in str(refused.value)

    @pytest.mark.parametrize("path", [7, None, b"x", "a\0b"])
    def test_what_is_no_path_is_refused(self, path):
        """Likewise."""
        with pytest.raises(ConfigError, match="path"):
            MemoryConfig(path=path)

    def test_any_printable_text_is_a_namespace(self):
        """It is escaped in names."""
        for namespace in ("a:b", "*", "{x}", "é", "a b"):
            assert Limits(namespace=namespace).namespace == namespace
        assert RedisConfig(timeout_s=2).timeout_s == 2


class TestSecrets:
    @pytest.mark.parametrize(
        "url",
        [
            f"redis://:{SECRET}@host:1/0",
            f"rediss://{SECRET}@host",
            f"redis://user:{SECRET}@host?timeout=1",
            f"redis://user:a/{SECRET}@host/0",
            f"redis://user:a?{SECRET}@host/0",
            f"redis://user:a#{SECRET}@host/0",
            f"redis://user:{SECRET}?a@host/0",
            f"redis://user:{SECRET}#a@host/0",
            f"redis://user:a@{SECRET}@host/0",
            f"redis://host/0?password={SECRET}",
            f"redis://host/0?user=x@y&password={SECRET}",
            f"redis://host/0#{SECRET}",
            f"unix://user:{SECRET}@/run/redis.sock",
            f"redis+sentinel://:{SECRET}@a:1,b:2/main/0",
            f"redis+cluster://u:{SECRET}@a:1,b:2",
            f"user:{SECRET}@host",
            f"redis:/user:{SECRET}@host",
            SECRET,
        ],
    )
    def test_a_url_is_shown_without_secrets(self, url):
        """Also one that is none; in a config as well."""
        assert SECRET not in without_secrets(url)
        config = RedisConfig(url=url, password=SECRET, username=SECRET)
        for shown in (repr(config), str(config), f"{config}", repr([config])):
            assert SECRET not in shown

    def test_what_is_no_secret_is_shown(self):
        """Enough to know which server it is."""
        assert without_secrets("redis://u:p@host:6380/2?x=1") == "redis://***@host:6380/2"
        assert without_secrets("redis+sentinel://a:1,b:2/main") == "redis+sentinel://a:1,b:2/main"
        shown = repr(RedisConfig(host="db", port=7, db=2, password=SECRET, namespace="team"))
        assert shown == "RedisConfig('db:7/2', namespace='team')"
