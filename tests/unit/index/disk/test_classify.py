"""Categories, languages and test requirements, on paths as they stand in real projects."""

from __future__ import annotations

import pytest

from quarterdeck.index.disk.classify import category_of, language_of
from quarterdeck.index.disk.classify import test_requirement_of as requirement_of

# Labelled by hand: path, category, language.
PATHS = """
src/quarterdeck/index/discover.py            source     python
django/db/models/query.py                    source     python
django/db/models/__init__.py                 source     python
homeassistant/setup.py                       source     python
typings/yaml/__init__.pyi                    source     python
pandas/_libs/algos.pyx                       source     python
scripts/release.py                           source     python
tests/unit/test_discover.py                  test       python
tests/conftest.py                            test       python
pkg/conftest.py                              test       python
pkg/query_test.py                            test       python
app/tests.py                                 test       python
tests/fixtures/data.json                     test       json
tests/__init__.py                            test       python
src/latest.py                                source     python
src/contest.py                               source     python
src/attestation/testimony.py                 source     python
setup.py                                     build      python
noxfile.py                                   build      python
setup.cfg                                    config     ini
pyproject.toml                               config     toml
requirements.txt                             config     text
requirements-dev.txt                         config     text
tox.ini                                      build      ini
MANIFEST.in                                  build      -
uv.lock                                      generated  toml
poetry.lock                                  generated  toml
api/v1/service_pb2.py                        generated  python
api/v1/service_pb2_grpc.py                   generated  python
foo.egg-info/PKG-INFO                        generated  -
src/foo/py.typed                             config     -
README.md                                    docs       markdown
README                                       docs       -
LICENSE                                      docs       -
LICENSE.txt                                  docs       text
docs/intro/tutorial01.txt                    docs       text
docs/conf.py                                 source     python
CHANGELOG.rst                                docs       restructuredtext
notebooks/explore.ipynb                      docs       json
package.json                                 config     json
package-lock.json                            generated  json
yarn.lock                                    generated  -
pnpm-lock.yaml                               generated  yaml
tsconfig.json                                config     json
.eslintrc.js                                 config     javascript
webpack.config.js                            build      javascript
vite.config.ts                               build      typescript
src/components/Button.tsx                    source     tsx
src/components/Button.test.tsx               test       tsx
src/components/__tests__/Button.js           test       javascript
src/components/__snapshots__/Button.js.snap  generated  -
src/app.module.ts                            source     typescript
src/app.e2e-spec.ts                          test       typescript
src/App.vue                                  source     vue
src/styles/main.scss                         source     scss
public/index.html                            source     html
public/logo.svg                              asset      svg
public/favicon.ico                           asset      -
dist/jquery.min.js                           generated  javascript
lib/index.mjs                                source     javascript
cypress/login.cy.js                          test       javascript
cmd/server/main.go                           source     go
pkg/api/handler_test.go                      test       go
pkg/api/testdata/golden.txt                  test       text
pkg/api/types.pb.go                          generated  go
pkg/apis/zz_generated.deepcopy.go            generated  go
go.mod                                       config     go
go.sum                                       generated  go
src/lib.rs                                   source     rust
src/parser/tests.rs                          test       rust
tests/cli.rs                                 test       rust
build.rs                                     build      rust
Cargo.toml                                   config     toml
Cargo.lock                                   generated  toml
src/main/java/org/x/App.java                 source     java
src/test/java/org/x/AppTest.java             test       java
app/AppTest.java                             test       java
app/Latest.java                              source     java
app/Contest.java                             source     java
pom.xml                                      build      xml
build.gradle.kts                             build      kotlin
app/src/main/kotlin/Main.kt                  source     kotlin
src/main.c                                   source     c
include/vector.hpp                           source     cpp
include/vector.h                             source     c
test/test-vector.c                           test       c
CMakeLists.txt                               build      cmake
cmake/FindFoo.cmake                          build      cmake
Makefile                                     build      make
configure.ac                                 build      -
src/Web/Program.cs                           source     csharp
src/Web/Form1.Designer.cs                    generated  csharp
src/Web/Web.csproj                           build      xml
test/Web.Tests/ProgramTests.cs               test       csharp
app/models/user.rb                           source     ruby
spec/models/user_spec.rb                     test       ruby
Gemfile                                      build      ruby
Gemfile.lock                                 generated  -
src/Controller/Home.php                      source     php
composer.lock                                generated  json
Sources/App/main.swift                       source     swift
Package.swift                                build      swift
core/src/Main.scala                          source     scala
build.sbt                                    build      scala
bin/deploy.sh                                source     shell
db/schema.sql                                source     sql
infra/main.tf                                source     terraform
proto/service.proto                          source     protobuf
Dockerfile                                   build      dockerfile
docker/api.dockerfile                        build      dockerfile
docker-compose.yml                           build      yaml
.github/workflows/ci.yml                     build      yaml
.gitlab-ci.yml                               build      yaml
.github/ISSUE_TEMPLATE.md                    docs       markdown
.gitignore                                   config     ignore
.editorconfig                                config     ini
.env                                         config     -
homeassistant/components/hue/manifest.json   config     json
homeassistant/components/hue/services.yaml   config     yaml
locale/de/LC_MESSAGES/django.po              asset      gettext
locale/de/LC_MESSAGES/django.mo              asset      -
data/cities.csv                              asset      csv
models/weights.safetensors                   asset      -
fonts/Inter.woff2                            asset      -
src/unknown.xyzzy                            unknown    -
mystery                                      unknown    -
"""
TABLE = [line.split() for line in PATHS.strip().splitlines()]


@pytest.mark.parametrize("path, category, language", TABLE)
def test_a_path_is_what_a_person_would_call_it(path, category, language):
    """The hand-labelled table, over the ecosystems that people bring."""
    assert (category_of(path), language_of(path)) == (category, language.strip("-"))


def test_the_table_is_large_enough_to_mean_something():
    """At least eighty different paths."""
    assert len({path for path, *_ in TABLE}) >= 80


@pytest.mark.parametrize(
    "head",
    [
        b"// Code generated by protoc-gen-go. DO NOT EDIT.\n",
        b"# @generated by tool\n",
        b"/* eslint-disable */\n/**\n * @generated SignedSource<<abc>>\n */\n",
        b"# This file is automatically generated by make-unicode\n",
        b"# Generated by Django 5.2 on 2026-01-01 10:00\n",
        b"<!-- Auto-generated by tool -->\n",
        b'"""Generated by ANTLR."""\n',
    ],
)
def test_a_generators_mark_at_the_start_makes_a_file_generated(head):
    """Whatever the name says."""
    assert category_of("src/a.py", head) == "generated"
    assert category_of("tests/test_a.py", head) == "generated"


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b'"""Reads files generated by other tools."""\n',
        b"# please do not edit by hand unless you must\n",
        b"x = 'generated by me'\n",
        b" " * 1024 + b"# @generated\n",
        b"\xff\xfe\x00",
    ],
)
def test_talk_about_generated_files_is_no_mark(head):
    """Nor is a mark after the first KiB."""
    assert category_of("src/a.py", head) == "source"


def test_prose_that_quotes_a_mark_stays_docs():
    """A README may explain `@generated`."""
    assert category_of("README.md", b"Files marked @generated are skipped.\n") == "docs"


@pytest.mark.parametrize("path", ["", ".", "..", ".py", "a.", "x/", "\udcff\n.py", "a" * 5000, "." * 500])
def test_any_string_has_an_answer(path):
    """Hostile names are classified like any others."""
    assert isinstance(category_of(path), str)
    assert isinstance(language_of(path), str)


@pytest.mark.parametrize(
    "path, functions, classes, requirement",
    [
        ("pkg/mod.py", 1, 0, "required"),
        ("pkg/mod.py", 0, 1, "required"),
        ("pkg/mod.py", 0, 0, "not_applicable"),
        ("pkg/__init__.py", 0, 0, "not_applicable"),
        ("pkg/__init__.py", 2, 0, "required"),
        ("pkg/__main__.py", 1, 0, "optional"),
        ("setup.py", 1, 0, "optional"),
        ("homeassistant/setup.py", 9, 0, "required"),
        ("app/migrations/0001_initial.py", 0, 1, "optional"),
        ("scripts/release.py", 3, 0, "optional"),
        ("examples/hello.py", 3, 0, "optional"),
        ("tests/conftest.py", 2, 0, "optional"),
        ("tests/test_a.py", 5, 0, "not_applicable"),
        ("README.md", 0, 0, "not_applicable"),
        ("pkg/a_pb2.py", 9, 9, "not_applicable"),
        ("Makefile", 0, 0, "not_applicable"),
    ],
)
def test_what_ought_to_have_tests(path, functions, classes, requirement):
    """Source that does something, unless it is a doorway, a migration, a script or an example."""
    category = category_of(path)
    assert requirement_of(path, category, functions=functions, classes=classes, excluded=()) == requirement


@pytest.mark.parametrize(
    "glob, path, matches",
    [
        ("legacy/*.py", "legacy/a.py", True),
        ("legacy/*.py", "legacy/deep/a.py", False),
        ("legacy/**", "legacy/deep/a.py", True),
        ("**/old.py", "old.py", True),
        ("**/old.py", "a/b/old.py", True),
        ("*_view.py", "a/b/main_view.py", True),
        ("*_view.py", "a_view.py/b.py", False),
        ("a/?.py", "a/b.py", True),
        ("a/?.py", "a/bc.py", False),
        ("a/[bc].py", "a/b.py", True),
        ("a/[!bc].py", "a/b.py", False),
        ("a/[z-a].py", "a/z.py", True),
        ("a/[\\].py", "a/\\.py", True),
        ("a/[^].py", "a/^.py", True),
        ("a/[.py", "a/[.py", True),
        ("a(b.py", "a(b.py", True),
    ],
)
def test_the_users_globs_excuse_files_from_tests(glob, path, matches):
    """`*` stays in its folder, `**` does not, and no pattern is a broken one."""
    excused = requirement_of(path, "source", functions=1, classes=0, excluded=("nothing", glob)) == "excluded"
    assert excused is matches
