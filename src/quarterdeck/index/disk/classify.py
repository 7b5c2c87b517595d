"""What a file is for and what it is written in, told from its path (and, where given, its first bytes).

    generated > test > build > asset > docs > config > source > unknown      the first that fits

Tables, so that a reader can find the line to change. A path is relative and POSIX; nothing is read.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SOURCE, TEST, CONFIG, DOCS = "source", "test", "config", "docs"
ASSET, GENERATED, BUILD, UNKNOWN = "asset", "generated", "build", "unknown"

REQUIRED, OPTIONAL, NOT_APPLICABLE, EXCLUDED = "required", "optional", "not_applicable", "excluded"

HEAD_BYTES = 1024
"""How much of a file's start `category_of` looks at."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: meaning for meaning, words in table.items() for word in words.split()}


_LANGUAGE_OF_SUFFIX = _by_word(
    {
        "python": "py pyi pyw pyx pxd",
        "javascript": "js mjs cjs jsx",
        "typescript": "ts mts cts",
        "tsx": "tsx",
        "go": "go",
        "rust": "rs",
        "java": "java",
        "c": "c h",
        "cpp": "cc cpp cxx c++ hh hpp hxx h++ ipp inl cu cuh",
        "csharp": "cs csx",
        "fsharp": "fs fsi fsx",
        "visualbasic": "vb",
        "ruby": "rb rake gemspec ru",
        "php": "php phtml",
        "swift": "swift",
        "objectivec": "m mm",
        "kotlin": "kt kts",
        "scala": "scala sc sbt",
        "groovy": "groovy gradle",
        "shell": "sh bash zsh ksh fish bats",
        "powershell": "ps1 psm1 psd1",
        "batch": "bat cmd",
        "sql": "sql",
        "html": "html htm xhtml jinja jinja2 j2 njk hbs mustache ejs erb",
        "css": "css",
        "scss": "scss sass",
        "less": "less",
        "vue": "vue",
        "svelte": "svelte",
        "astro": "astro",
        "perl": "pl pm t",
        "lua": "lua",
        "r": "r",
        "julia": "jl",
        "dart": "dart",
        "elixir": "ex exs",
        "erlang": "erl hrl",
        "haskell": "hs lhs",
        "ocaml": "ml mli",
        "clojure": "clj cljs cljc edn",
        "elm": "elm",
        "zig": "zig",
        "nim": "nim",
        "d": "d",
        "fortran": "f f90 f95 f03 for",
        "pascal": "pas",
        "assembly": "s asm",
        "lisp": "el lisp scm rkt",
        "vimscript": "vim",
        "solidity": "sol",
        "protobuf": "proto",
        "thrift": "thrift",
        "graphql": "graphql gql",
        "terraform": "tf tfvars hcl",
        "nix": "nix",
        "cmake": "cmake",
        "make": "mk mak",
        "starlark": "bzl star bazel",
        "dockerfile": "dockerfile",
        "tcl": "tcl",
        "awk": "awk",
        "markdown": "md markdown mdx",
        "restructuredtext": "rst",
        "asciidoc": "adoc asciidoc",
        "tex": "tex sty bib",
        "text": "txt text",
        "gettext": "po pot",
        "toml": "toml",
        "yaml": "yaml yml",
        "json": "json jsonc json5 jsonl ndjson webmanifest ipynb",
        "xml": "xml xsd xsl xslt plist csproj fsproj vbproj props targets resx",
        "ini": "ini cfg conf properties editorconfig",
        "csv": "csv tsv",
        "svg": "svg",
    }
)

_LANGUAGE_OF_NAME = _by_word(
    {
        "dockerfile": "dockerfile containerfile",
        "make": "makefile gnumakefile",
        "cmake": "cmakelists.txt",
        "starlark": "build workspace build.bazel workspace.bazel module.bazel tiltfile",
        "ruby": "gemfile rakefile vagrantfile podfile fastfile guardfile brewfile",
        "groovy": "jenkinsfile",
        "meson": "meson.build meson.options meson_options.txt",
        "shell": ".bashrc .bash_profile .profile .zshrc .envrc gradlew configure",
        "go": "go.mod go.sum go.work",
        "just": "justfile .justfile",
        "json": "composer.lock pipfile.lock .babelrc .eslintrc .prettierrc .stylelintrc flake.lock",
        "toml": "uv.lock poetry.lock cargo.lock pdm.lock pipfile",
        "yaml": ".clang-format .clang-tidy .clangd",
        "ini": ".gitconfig .gitmodules .flake8 .coveragerc .pylintrc .npmrc .pypirc .editorconfig",
        "ignore": ".gitignore .dockerignore .npmignore .prettierignore .eslintignore .helmignore",
    }
)

_GENERATED_NAMES = _words("""
    uv.lock poetry.lock pdm.lock pipfile.lock cargo.lock package-lock.json npm-shrinkwrap.json
    yarn.lock pnpm-lock.yaml bun.lock bun.lockb deno.lock composer.lock gemfile.lock go.sum
    go.work.sum flake.lock mix.lock podfile.lock pubspec.lock packages.lock.json paket.lock
    gradle.lockfile cartfile.resolved package.resolved conda-lock.yml .terraform.lock.hcl
    module.bazel.lock pkg-info sources.txt
    """)
_GENERATED_NAME = re.compile(
    r"_pb2(_grpc)?\.pyi?$|\.pb(\.gw)?\.go$|\.pb\.(cc|h)$|_pb\.(js|d\.ts)$|\.min\.(m?js|css|html)$|[.-]bundle\.js$"
    r"|\.(js|css|ts)\.map$|\.g\.(dart|cs)$|\.freezed\.dart$|\.designer\.cs$|\.generated\.\w+$|_generated\.\w+$"
    r"|^zz_generated|\.snap$|\.py[co]$|\.(class|o|obj|egg-link)$"
)
_GENERATED_FOLDERS = _words("__generated__ __pycache__ __snapshots__ .egg-info node_modules")
# As generators write it, at the start of a comment: prose about generated files is not it.
_GENERATED_MARK = re.compile(
    rb"@generated\b|\b(?-i:DO NOT (?:EDIT|MODIFY))\b"
    rb"|^[ \t]*(?:[#/*;%-]|<!--|\"\"\")+[ \t!]*(?:(?:This|The) (?:file|code) (?:is|was|has been) )?"
    rb"(?:auto[- ]?(?:matically )?)?generated (?:by|from|with|using)\b",
    re.MULTILINE | re.IGNORECASE,
)
_GENERATED_WORDS = (b"generated", b"do not ")
"""Every mark holds one of these, whatever its case."""

_PROSE = (".md", ".rst", ".txt", ".adoc")
"""Here a generator's mark is more likely talked about than meant."""

_TEST_FOLDERS = _words("test tests __tests__ __mocks__ spec specs e2e testdata androidtest")
_TEST_NAME = re.compile(
    r"^test_.*\.pyi?$|^tests?\.(py|rs)$|^conftest\.py$|^test-.*\.(c|cc|cpp|js|r|sh)$"
    r"|_tests?\.(py|go|rb|rs|c|cc|cpp|cxx|dart|exs|erl|php|sh|js|ts|clj)$|_spec\.(rb|lua|js|ts)$"
    r"|[._-](test|spec|e2e|cy)\.[cm]?[jt]sx?$|\.bats$|\.feature$|\.t$"
    r"|(?-i:(Tests?|Spec|IT|TestCase)\.(java|kt|scala|cs|swift|php|groovy|fs|vb|m|mm|hs))$",
    re.IGNORECASE,
)

_BUILD_NAMES = _words("""
    makefile gnumakefile cmakelists.txt dockerfile containerfile jenkinsfile justfile .justfile
    rakefile vagrantfile build.rs build.xml pom.xml build.gradle build.gradle.kts
    settings.gradle settings.gradle.kts gradlew gradlew.bat meson.build meson.options
    meson_options.txt build build.bazel workspace workspace.bazel module.bazel configure
    configure.ac configure.in makefile.am makefile.in sconstruct sconscript gulpfile.js gruntfile.js
    webpack.config.js webpack.config.ts rollup.config.js rollup.config.mjs vite.config.js
    vite.config.ts noxfile.py tox.ini manifest.in docker-compose.yml docker-compose.yaml
    compose.yml compose.yaml procfile tiltfile .gitlab-ci.yml .travis.yml azure-pipelines.yml
    cloudbuild.yaml appveyor.yml .appveyor.yml build.sbt build.zig package.swift mix.exs fastfile
    podfile brewfile cartfile gemfile build.sh
    """)
_BUILD_SUFFIXES = _words("""
    cmake mk mak bzl bazel gradle dockerfile gemspec am ac csproj fsproj vbproj sln spec
    """)
_BUILD_FOLDERS = (
    ".github/workflows/",
    ".github/actions/",
    ".circleci/",
    ".ci/",
    ".gitlab/ci/",
    ".buildkite/",
)

_DOCS_NAMES = _words("""
    readme license licence copying notice changelog changes history news authors contributors
    contributing maintainers code_of_conduct security support governance install thanks todo credits
    copyright patents
    """)
_DOCS_SUFFIXES = _words("""
    md markdown mdx rst adoc asciidoc tex bib sty txt text pod man org rtf ipynb
    """)
_DOCS_FOLDERS = _words("doc docs documentation")

_CONFIG_NAMES = _words("""
    .gitignore .gitattributes .gitmodules .dockerignore .npmignore .npmrc .nvmrc .editorconfig
    .flake8 .pylintrc .coveragerc .babelrc .eslintrc .prettierrc .stylelintrc .prettierignore
    .eslintignore .mailmap .python-version .node-version .ruby-version .tool-versions .env.example
    .git-blame-ignore-revs .clang-format .clang-tidy .clangd .browserslistrc .rspec .envrc .bashrc
    .profile .zshrc codeowners requirements.txt constraints.txt pipfile go.mod go.work py.typed
    babel.config.js jest.config.js jest.config.ts karma.conf.js eslint.config.js eslint.config.mjs
    .eslintrc.js .eslintrc.cjs prettier.config.js postcss.config.js tailwind.config.js
    tailwind.config.ts svelte.config.js next.config.js next.config.mjs nuxt.config.ts
    playwright.config.ts cypress.config.ts vitest.config.ts .helmignore .hgignore .gitconfig
    """)
_CONFIG_NAME = re.compile(
    r"^(requirements|constraints)([-_.].*)?\.(txt|in)$|^\.env(\..+)?$|^\.[\w.-]+rc(\.\w+)?$"
)
_CONFIG_SUFFIXES = _words("""
    toml yaml yml json jsonc json5 ini cfg conf properties xml xsd plist editorconfig tfvars env
    props targets resx service lock
    """)

_ASSET_SUFFIXES = _words("""
    png jpg jpeg gif webp avif ico icns bmp tif tiff svg psd ai eps mp3 mp4 wav ogg flac webm mov
    avi mkv m4a pdf woff woff2 ttf otf eot zip gz tgz bz2 xz zst 7z tar jar war whl egg so dll dylib
    a lib exe bin dat db sqlite sqlite3 parquet feather npy npz pkl pickle h5 hdf5 onnx pt
    safetensors csv tsv jsonl ndjson po pot mo shp shx dbf prj geojson gpx kml glb gltf fbx stl wasm
    pem crt key der p12 webmanifest mid doc docx xls xlsx ppt pptx odt ods
    """)

_SOURCE_LANGUAGES = frozenset(_LANGUAGE_OF_SUFFIX.values()) - _words("""
    markdown restructuredtext asciidoc tex text gettext toml yaml json xml ini csv svg dockerfile
    make cmake
    """)

_OPTIONAL_NAMES = _words("""
    __main__.py conftest.py manage.py noxfile.py wsgi.py asgi.py
    """)
_OPTIONAL_FOLDERS = _words("""
    migrations versions scripts script examples example samples demo demos bench benchmarks tools
    bin docs doc
    """)


def language_of(path: str) -> str:
    """The language's lower-case name (``python``, ``cpp``, ``dockerfile`` …); empty for no known one."""
    name = path[path.rfind("/") + 1 :].lower()
    by_name = _LANGUAGE_OF_NAME.get(name)
    if by_name is not None:
        return by_name
    stem, dot, suffix = name.rpartition(".")
    return _LANGUAGE_OF_SUFFIX.get(suffix, "") if dot and stem else ""


def category_of(path: str, head: bytes = b"") -> str:
    """One of source, test, config, docs, asset, generated, build, unknown.

    Args:
        path: relative, POSIX.
        head: the file's first bytes, where they are known; only `HEAD_BYTES` of them are looked at,
            for a generator's mark.
    """
    name, folders = _split(path)
    lower = name.lower()
    stem, dot, suffix = lower.rpartition(".")
    if not (dot and stem):
        stem, suffix = lower, ""
    if _is_generated(lower, folders, head):
        return GENERATED
    if not _TEST_FOLDERS.isdisjoint(folders) or _TEST_NAME.search(name) is not None:
        return TEST
    if (
        lower in _BUILD_NAMES
        or path == "setup.py"
        or suffix in _BUILD_SUFFIXES
        or path.startswith(_BUILD_FOLDERS)
    ):
        return BUILD
    if suffix in _ASSET_SUFFIXES:
        return ASSET
    return _by_content_kind(lower, stem, suffix, folders)


def test_requirement_of(
    path: str, category: str, *, functions: int, classes: int, excluded: Sequence[str]
) -> str:
    """Whether *path* ought to have tests: one of required, optional, not_applicable, excluded.

    Args:
        path: relative, POSIX.
        category: from `category_of`.
        functions: how many the file defines.
        classes: how many the file defines.
        excluded: the user's globs over the whole path, where ``*`` crosses no ``/`` and ``**`` does;
            one without a ``/`` is about the last part of the path.
    """
    if excluded and _matcher(tuple(excluded))(path):
        return EXCLUDED
    name, folders = _split(path)
    if category != SOURCE:
        python = path == "setup.py" or name in _OPTIONAL_NAMES
        return OPTIONAL if python and category in (BUILD, TEST) else NOT_APPLICABLE
    if name in _OPTIONAL_NAMES or not _OPTIONAL_FOLDERS.isdisjoint(folders):
        return OPTIONAL
    return REQUIRED if functions or classes else NOT_APPLICABLE


def _split(path: str) -> tuple[str, frozenset[str]]:
    """(last part, names of the folders above it in lower case)."""
    folder, _, name = path.rpartition("/")
    return name, _folder_names(folder)


@lru_cache(maxsize=8192)
def _folder_names(folder: str) -> frozenset[str]:
    names = folder.lower().split("/")
    if ".egg-info" in folder:  # <distribution>.egg-info
        names.append(".egg-info")
    return frozenset(names)


def _is_generated(lower: str, folders: frozenset[str], head: bytes) -> bool:
    if lower in _GENERATED_NAMES or _GENERATED_NAME.search(lower) is not None:
        return True
    if not _GENERATED_FOLDERS.isdisjoint(folders):
        return True
    if not head or lower.endswith(_PROSE):
        return False
    start = head[:HEAD_BYTES]
    if not any(word in start.lower() for word in _GENERATED_WORDS):
        return False  # nearly always, and a tenth of what the pattern costs
    return _GENERATED_MARK.search(start) is not None


def _by_content_kind(lower: str, stem: str, suffix: str, folders: frozenset[str]) -> str:
    """Docs, config, source or unknown, for a file that is nothing more particular."""
    if lower in _CONFIG_NAMES or _CONFIG_NAME.match(lower) is not None:
        return CONFIG
    if suffix in _DOCS_SUFFIXES or (stem in _DOCS_NAMES and suffix not in _LANGUAGE_OF_SUFFIX):
        return DOCS
    if suffix in _CONFIG_SUFFIXES:
        return CONFIG
    language = _LANGUAGE_OF_NAME.get(lower) or _LANGUAGE_OF_SUFFIX.get(suffix, "")
    if language in _SOURCE_LANGUAGES:
        return DOCS if not _DOCS_FOLDERS.isdisjoint(folders) and language in ("html", "css") else SOURCE
    return DOCS if not _DOCS_FOLDERS.isdisjoint(folders) else UNKNOWN


_GLOB_TOKEN = re.compile(r"(\*\*/)|(\*\*)|(\*)|(\?)|\[(!?)([^/\]]+)\]|(.)", re.DOTALL)


@lru_cache(maxsize=16)
def _matcher(globs: tuple[str, ...]) -> Callable[[str], object]:
    return re.compile("|".join(_glob_regex(glob) for glob in globs), re.DOTALL).fullmatch


def _glob_regex(glob: str) -> str:
    parts = [] if "/" in glob else ["(?:.*/)?"]
    for any_folders, anything, star, question, negated, members, literal in _GLOB_TOKEN.findall(glob):
        if any_folders:
            parts.append("(?:.*/)?")
        elif anything:
            parts.append(".*")
        elif star:
            parts.append("[^/]*")
        elif question:
            parts.append("[^/]")
        elif members:
            parts.append(f"[{'^/' if negated else ''}{_class_members(members)}]")
        else:
            parts.append(re.escape(literal))
    return "".join(parts)


def _class_members(members: str) -> str:
    """*members* of a character class with ranges kept; a range that runs backwards holds its two ends."""
    escaped = re.sub(r"[\\^&~|\[]", r"\\\g<0>", members)
    return re.sub(r"(.)-(.)", lambda m: m[0] if m[1] <= m[2] else f"{m[2]}{m[1]}", escaped)
