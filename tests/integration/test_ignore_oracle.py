"""What discovery lists is what git lists: hand-made cases and random trees, with git as the oracle."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quarterdeck.index.disk.discover import discover

GIT = shutil.which("git") or "git"
IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")


@pytest.fixture(autouse=True, scope="module")
def no_git_config_of_the_developer(tmp_path_factory):
    """Git sees an empty home and no system settings."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        home = str(tmp_path_factory.mktemp("home"))
        patch.setenv("HOME", home)
        patch.setenv("XDG_CONFIG_HOME", os.path.join(home, ".config"))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


def git(folder, *arguments):
    done = subprocess.run([GIT, *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)
    return done.stdout


def git_lists(folder):
    """Git's listing, less what is gone from disk, nested repositories and gitlinks."""
    raw = os.fsdecode(git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard"))
    listed = {path for path in raw.split("\0") if path and not path.endswith("/")}
    return {
        path
        for path in listed
        if os.path.lexists(os.path.join(folder, path))
        and (os.path.islink(os.path.join(folder, path)) or not os.path.isdir(os.path.join(folder, path)))
        and ".quarterdeck" not in path.split("/")
    }


def git_folders(folder):
    """Folders that git neither ignores nor finds anything tracked in, and those with something listed."""
    kept = {"."}
    for path in git_lists(folder):
        parts = path.split("/")[:-1]
        kept.update("/".join(parts[: end + 1]) for end in range(len(parts)))
    for where, names, _ in os.walk(folder):
        for name in list(names):
            path = os.path.relpath(os.path.join(where, name), folder)
            if name == ".git" or os.path.islink(os.path.join(folder, path)):
                names.remove(name)
            elif path not in kept:
                asked = subprocess.run([GIT, "check-ignore", "-q", f"./{path}"], cwd=folder, check=False)
                if asked.returncode:
                    kept.add(path)
                else:
                    names.remove(name)
    return kept


def listed(found):
    return set(found.files) | set(found.symlinks)


def write(root, path, content=""):
    full = os.path.join(root, path)
    assert os.path.realpath(full).startswith(os.path.realpath(root) + os.sep), "a test stays in its folder"
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as file:
        file.write(content if isinstance(content, bytes) else os.fsencode(content))


CASES: dict[str, tuple[str | bytes, list[str | bytes]]] = {
    "negation": ("*.log\n!keep.log\n", ["a.log", "keep.log", "d/keep.log", "d/b.log"]),
    "a negation cannot reach into an ignored folder": ("d/\n!d/keep\n", ["d/keep", "e/d/x", "k"]),
    "a slash anchors": ("/a\nb/c\n", ["a", "d/a", "b/c", "d/b/c"]),
    "double star": ("**/x\na/**/z\nq/**\n", ["x", "d/e/x", "a/z", "a/b/c/z", "q/r/s", "q2"]),
    "double star that is none": ("a**b\nc/**d\n", ["axxb", "a/b", "c/xd", "c/e/d"]),
    "folders only": ("build/\n", ["build/x", "d/build/y", "e/build"]),
    "classes": ("[a-c]x\n[!d]y\n[]]z\n[[:digit:]]w\n", ["ax", "dx", "dy", "ey", "]z", "1w", "aw"]),
    "broken classes": ("[a\nb[\nc[]d\n[z-a]\n", ["[a", "b[", "c[]d", "z", "a"]),
    "escapes": ("\\#a\n\\!b\nc\\*d\ne\\\n\\\\f\n", ["#a", "!b", "c*d", "cxd", "e", "e\\", "\\f"]),
    "trailing spaces": ("a \nb\\ \nc\\  \nd\t\n", ["a", "a ", "b ", "b", "c ", "c", "d", "d\t"]),
    "comments and blank lines": ("# x\n\n   \n #y\n", ["# x", "#y", " #y", "x"]),
    "carriage returns": ("a\r\nb/\r\n", ["a", "a\r", "b/x", "c"]),
    "a byte order mark": (b"\xef\xbb\xbfa\nb\n", ["a", "b", "c"]),
    "bytes that are not UTF-8": (b"a\xff\nb\n?\xfec\n", [b"a\xff", "b", b"x\xfec", "z"]),
    "question mark and non-ASCII": ("a?b\n", ["a\u00e9b", "axb", "a/b"]),
    "hostile names": ("-x\n", ["-x", "-y", "new\nline", b"\xff\xfe", "n" * 255, ":(top)", "a\\b", "*"]),
    "dotfiles": (".env\n", [".env", ".hidden", ".d/.e"]),
    "a lone star with exceptions": ("*\n!*/\n!*.py\n", ["a.py", "a.txt", "d/b.py", "d/b.txt"]),
    "other tools' ignore files": ("x\n", ["x", "y", ".ignore", ".rgignore"]),
    "braces are literal": ("{a,b}\n", ["a", "b", "{a,b}"]),
}


@pytest.mark.parametrize("repository", [True, False], ids=["repository", "plain folder"])
@pytest.mark.parametrize("case", CASES)
def test_each_rule_means_what_it_means_to_git(tmp_path, case, repository):
    """Files and folders are git's, inside a repository and in a folder that is none."""
    rules, paths = CASES[case]
    root = tmp_path / "root"
    write(root, ".gitignore", rules)
    for path in paths:
        write(root, os.fsdecode(path), "x\n")
    if repository:
        git(root, "init", "-q")
    found = discover(str(root))
    if not repository:
        git(root, "init", "-q")
    assert listed(found) == git_lists(root)
    assert set(found.folders) == git_folders(root)


NAMES = st.sampled_from(
    ["a", "b", "ab", "a.py", "b.log", "build", "d", ".e", "a b", "x ", "#c", "!n", "[q]", "\u00e9"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PIECES = st.sampled_from(
    [*"ab.*?/!#\\ []-^d\u00e9", "**", "/**", "**/", "[ab]", "[!a]", "[a-", "\\ ", "build", "*.py", "{a,b}"]
)
LINES = st.one_of(
    st.lists(PIECES, max_size=5).map("".join),
    PATHS,
    PATHS.map("/{}".format),
    PATHS.map("{}/".format),
    PATHS.map("!{}".format),
    st.sampled_from(["*", "!*/", "**", "!**/a", "*/", "/*", "!/a", "# a", "", "a/**/b", "**/d/**", "x\\ "]),
)
IGNORE_FILES = st.tuples(st.lists(LINES, max_size=5), st.sampled_from(["\n", "\r\n"])).map(
    lambda parts: "".join(line + parts[1] for line in parts[0])
)
ENTRIES = st.dictionaries(
    PATHS, st.sampled_from(["untracked", "tracked", "deleted", "link", "folder", "looping link"]), max_size=12
)


def grow(root, entries, ignores):
    """Makes the tree; where two paths cannot both exist, the first one stays."""
    os.mkdir(root)
    made = {}
    for path, kind in entries.items():
        try:
            if kind == "folder":
                os.makedirs(os.path.join(root, path), exist_ok=True)
            elif kind.endswith("link"):
                os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
                os.symlink("." if kind == "looping link" else "a/gone", os.path.join(root, path))
            else:
                write(root, path, "x\n")
            made[path] = kind
        except OSError:
            continue
    for folder, rules in ignores.items():
        if os.path.isdir(os.path.join(root, folder)):
            write(root, os.path.join(folder, ".gitignore"), rules)
    git(root, "init", "-q")
    tracked = [path for path, kind in made.items() if kind in ("tracked", "deleted")]
    tracked = [path for path in tracked if not os.path.islink(os.path.dirname(os.path.join(root, path)))]
    subprocess.run(
        [GIT, "--literal-pathspecs", "update-index", "--add", "-z", "--stdin"],
        cwd=root,
        input=os.fsencode("\0".join(tracked)),
        check=False,
        capture_output=True,
    )
    for path in tracked:
        if made[path] == "deleted":
            os.unlink(os.path.join(root, path))


IGNORES = st.dictionaries(st.one_of(st.just("."), PATHS), IGNORE_FILES, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ENTRIES, IGNORES, IGNORE_FILES, st.booleans())
def test_any_tree_is_listed_as_git_lists_it(entries, ignores, exclude, below):
    """Random names, random nested ignore files, tracked, deleted and linked entries, root or subfolder."""
    with tempfile.TemporaryDirectory() as folder:
        root = os.path.join(folder, "root")
        grow(root, entries, ignores)
        write(root, ".git/info/exclude", exclude)
        sub = os.path.join(root, "a")
        start = sub if below and os.path.isdir(sub) and not os.path.islink(sub) else root
        found = discover(start)
        if any("folder of its own" in note for note in found.notes):
            assert not git_lists(start)
            return
        assert listed(found) == git_lists(start)
        if start == root:
            assert set(found.folders) == git_folders(root)


@pytest.fixture
def repository(tmp_path):
    """A repository with one committed file, `kept.py`."""
    root = tmp_path / "repository"
    write(root, "kept.py", "x\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_a_tracked_file_counts_though_it_is_ignored(repository):
    """Git does not ignore what it tracks, not even inside an ignored folder."""
    write(repository, "build/kept.txt")
    write(repository, "build/sub/dropped.txt")
    write(repository, ".gitignore", "build/\n")
    git(repository, "add", "-f", "build/kept.txt")
    found = discover(str(repository))
    assert listed(found) == git_lists(repository) == {".gitignore", "kept.py", "build/kept.txt"}
    assert found.folders == (".", "build")


def test_a_linked_worktree_is_listed_by_the_common_excludes(repository, tmp_path):
    """A worktree's `.git` is a file; its rules stand in the main repository."""
    write(repository, ".git/info/exclude", "*.tmp\n")
    git(repository, "worktree", "add", "-q", str(tmp_path / "linked"))
    write(tmp_path / "linked", "a.tmp")
    write(tmp_path / "linked", "b.txt")
    found = discover(str(tmp_path / "linked"))
    assert listed(found) == git_lists(tmp_path / "linked") == {"kept.py", "b.txt"}
    data = (".git/info/exclude", ".git/worktrees/linked/index", ".git/config")
    assert {str(repository / name) for name in data} <= set(found.inputs)


@pytest.fixture
def with_nested(repository, tmp_path):
    """`repository` with a submodule `sub` and an untracked repository `d/nested`."""
    other = tmp_path / "other"
    write(other, "inner.py", "y\n")
    git(other, "init", "-q")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "first")
    git(repository, "submodule", "add", "-q", str(other), "sub")
    git(repository, "clone", "-q", str(other), str(repository / "d" / "nested"))
    write(repository, "d/nested/.gitignore", "*.log\n")
    write(repository, "d/nested/a.log")
    write(repository, "sub/new.py")
    return repository


def test_submodules_and_nested_repositories_are_counted_and_not_scanned(with_nested):
    """By default what lies below another `.git` is another project."""
    found = discover(str(with_nested))
    assert listed(found) == git_lists(with_nested) == {"kept.py", ".gitmodules"}
    assert found.skipped == ("d/nested", "sub")
    assert "2 submodules or nested repositories not scanned" in found.notes
    assert set(found.folders) == {".", "d", "d/nested", "sub"}


def test_submodules_are_scanned_by_their_own_rules_on_demand(with_nested):
    """With submodules=True each nested repository lists what its own git lists."""
    found = discover(str(with_nested), submodules=True)
    expected = git_lists(with_nested)
    for nested in ("sub", "d/nested"):
        expected |= {f"{nested}/{path}" for path in git_lists(with_nested / nested)}
    assert listed(found) == expected
    assert {"sub/inner.py", "sub/new.py", "d/nested/.gitignore"} <= expected
    assert found.skipped == ()
    assert found.notes == ()


def test_a_submodule_that_is_not_checked_out_stays_skipped(with_nested, tmp_path):
    """An empty submodule folder must not be taken for a part of the outer repository."""
    git(with_nested, "commit", "-q", "-a", "-m", "second")
    git(tmp_path, "clone", "-q", str(with_nested), str(tmp_path / "clone"))
    found = discover(str(tmp_path / "clone"), submodules=True)
    assert found.skipped == ("sub",)
    assert found.notes == ("1 submodule not checked out",)


@pytest.mark.parametrize("where", ["repository", "user", "included"])
def test_an_excludes_file_named_in_any_git_config_counts(repository, monkeypatch, where):
    """core.excludesFile is found where git finds it, and the files that name it are inputs."""
    home = repository.parent
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    user, more, ignore = (str(home / name) for name in (".gitconfig", "more.config", "global-ignore"))
    write(home, "global-ignore", "*.tmp\n")
    setting = f"[core]\n\texcludesFile = {ignore}\n"
    if where == "repository":
        git(repository, "config", "core.excludesFile", ignore)
    else:
        write(home, "more.config", setting)
        write(home, ".gitconfig", setting if where == "user" else f"[include]\n\tpath = {more}\n")
    write(repository, "a.tmp")
    found = discover(str(repository))
    assert listed(found) == git_lists(repository) == {"kept.py"}
    assert {user, ignore, str(repository / ".git/config")} <= set(found.inputs)
    assert (more in found.inputs) == (where == "included")


def test_the_default_excludes_file_is_an_input_before_it_exists(repository, monkeypatch):
    """Creating ~/.config/git/ignore changes the listing, so it is watched from the start."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(repository.parent / "xdg"))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    write(repository, "a.tmp")
    assert str(repository.parent / "xdg/git/ignore") in discover(str(repository)).inputs
    write(repository.parent, "xdg/git/ignore", "*.tmp\n")
    assert listed(discover(str(repository))) == git_lists(repository) == {"kept.py"}


def test_a_subfolder_obeys_its_parents(repository):
    """Rules above the root apply up to the repository's top, and their files are inputs."""
    write(repository, ".gitignore", "*.tmp\n/pkg/core/gone\n")
    write(repository, "pkg/.gitignore", "/core/x\n")
    for path in ("a.tmp", "x", "y", "gone"):
        write(repository, f"pkg/core/{path}")
    root = repository / "pkg" / "core"
    found = discover(str(root))
    assert listed(found) == git_lists(root) == {"y"}
    assert {str(repository / ".gitignore"), str(repository / "pkg/.gitignore")} <= set(found.inputs)
    assert str(repository.parent / ".gitignore") not in found.inputs


def test_a_root_that_its_repository_ignores_is_a_folder_of_its_own(repository):
    """Asking for an ignored folder by name means it."""
    write(repository, ".gitignore", "vendor/\n")
    write(repository, "vendor/lib/.gitignore", "*.o\n")
    write(repository, "vendor/lib/a.c")
    write(repository, "vendor/lib/a.o")
    found = discover(str(repository / "vendor" / "lib"))
    assert listed(found) == {".gitignore", "a.c"}
    assert "read as a folder of its own" in found.notes[0]


def test_nothing_that_a_repository_configures_is_run(repository):
    """No monitor, hook, filter, pager or alias of an untrusted repository is started."""
    marker = repository.parent / "ran"
    script = repository.parent / "script"
    script.write_text(f"#!/bin/sh\ntouch '{marker}'\n")
    script.chmod(0o755)
    write(repository, ".gitattributes", "* filter=x diff=x\n")
    write(repository, "kept.py", "changed\n")
    for name in ("post-index-change", "fsmonitor-watchman"):
        shutil.copy(script, repository / ".git" / "hooks" / name)
    sections = {
        "core": ("fsmonitor", "pager", "sshCommand", "editor", "askPass"),
        'filter "x"': ("clean", "smudge", "process"),
        "alias": ("ls-files", "check-ignore", "config"),
    }
    with open(repository / ".git" / "config", "a", encoding="utf-8") as config:
        for section, names in sections.items():
            bang = "!" if section == "alias" else ""
            config.write("".join([f"[{section}]\n", *(f"{name} = {bang}{script}\n" for name in names)]))
    (repository / "empty").mkdir()
    found = discover(str(repository), exclude=["*.log"])
    assert listed(found) == {".gitattributes", "kept.py"}
    assert not marker.exists()
    subprocess.run([GIT, "status"], cwd=repository, check=False, capture_output=True)
    assert marker.exists(), "the trap itself must work, or this test proves nothing"


def test_listing_writes_nothing_into_the_repository(repository):
    """Not even the index is refreshed: discovery leaves every size and time stamp as it was."""

    def state():
        paths = [
            os.path.join(where, name)
            for where, folders, names in os.walk(repository)
            for name in (*folders, *names, ".")
        ]
        return {path: (os.lstat(path).st_mtime_ns, os.lstat(path).st_size) for path in paths}

    os.utime(repository / "kept.py", ns=(1, 1))
    before = state()
    discover(str(repository))
    assert state() == before
