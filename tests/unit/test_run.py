"""`./run` finds its tools and keeps to its checkout."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import stat
from pathlib import Path

import pytest

RUN = Path(__file__).resolve().parents[2] / "run"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """The program as a module, in a checkout that has no environment yet."""
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader = importlib.machinery.SourceFileLoader("run", str(RUN))
    spec = importlib.util.spec_from_loader("run", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "PRIVATE", tmp_path / ".run")
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    return module


def put_uv_on_path(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program named uv that tells *version*."""
    folder.mkdir()
    uv = folder / "uv"
    uv.write_text(f"#!/bin/sh\necho 'uv {version}'\n")
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return str(uv)


def test_a_new_uv_on_path_is_used(run, tmp_path, monkeypatch):
    """Who has uv need not get a second one."""
    uv = put_uv_on_path(tmp_path / "bin", "0.10.2 (abc 2026-01-01)", monkeypatch)
    assert run.find_uv(run.environment()) == uv


def test_an_old_uv_on_path_is_passed_over(run, tmp_path, monkeypatch):
    """A uv that may not read the lock file is replaced by the pinned one, in the checkout only."""
    put_uv_on_path(tmp_path / "bin", "0.7.22", monkeypatch)
    installed = []
    monkeypatch.setattr(run, "install_uv", lambda folder, env: installed.append(folder))
    assert run.find_uv(run.environment()) == str(installed[0] / "bin" / "uv")
    assert installed[0].is_relative_to(tmp_path / ".run")


def test_without_a_home_caches_stay_in_the_checkout(run, tmp_path, monkeypatch):
    """A home that cannot be written to is left alone."""
    assert "UV_CACHE_DIR" not in run.environment()
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    env = run.environment()
    assert Path(env["UV_CACHE_DIR"]).is_relative_to(tmp_path)
    assert Path(env["PIP_CACHE_DIR"]).is_relative_to(tmp_path)


def test_no_python_is_ever_downloaded(run):
    """The Python that is there is the one that is used."""
    assert run.environment()["UV_PYTHON_DOWNLOADS"] == "never"


def test_an_unknown_verb_is_a_usage_error(run, capsys):
    """It is answered with the verbs there are."""
    assert run.main(["tset"]) == 2
    assert "demo|test|check|bench|docs|fmt" in capsys.readouterr().err
