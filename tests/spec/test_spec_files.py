"""What happens to files that are no spec at all: always one plain message, never a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from emr_dr.spec import SpecError, load_spec
from emr_dr.spec.files import trust
from probes.certificates import authority
from spec.spec_examples import FULL, SMALL, changed, loaded, refused

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "etl.yaml:1: the file is empty; start it with `group: NAME`, or let emr-dr init write one"),
        (b"# nothing\n", "etl.yaml:1: the file is empty; start it with"),
        (b"- a\n", "etl.yaml:1: the file is a list at the top, not keys and values; start it with"),
        (b"hello", "etl.yaml:1: the file is a single value at the top, not keys and values; start it with"),
        (b"a: 1\n\xff\xfe", "etl.yaml:2: the file is not text in UTF-8 (byte 0xff); save it as UTF-8"),
        (b"\x7fELF\x02\x01\x00\x00", 'etl.yaml:1: the character "\\x7f" cannot be in YAML; remove it'),
        (b"group: etl\naddress:\n\tmode: direct\n", "etl.yaml:3: a tab is used to indent; indent with spaces"),
        (b"group: etl\n---\ngroup: b\n", "etl.yaml:2: a second document starts here; keep one spec in a file"),
        (b"group: [a\nregion: b\n", "etl.yaml:2: this is not YAML: expected ',' or ']'"),
        (b"group: *nowhere\n", "etl.yaml:1: this is not YAML: found undefined alias 'nowhere'"),
        (b'group: "\\U00110000"\n', "etl.yaml:1: this is not YAML: "),
        (b"a: " + b"[" * 5000, "etl.yaml:1: the file has more than 40 levels; no spec needs that many"),
        (b"a: [" + b"1," * 5_001 + b"]", "etl.yaml:1: the file has more than 5000 values; no spec needs that many"),
        (b"a: [&a x" + b", *a" * 101 + b"]", "etl.yaml:1: the file has more than 100 aliases; no spec needs that many"),
        (b"a: &a [*a]\n", "etl.yaml:1: a[0][0]: its aliases unfold to too many values"),
        (b"a: b\n" * 300_000, "etl.yaml: the file is larger than 1 MiB; check the path: no spec is that large"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(content: bytes, line: str) -> None:
    lines = refused(content)
    assert len(lines) == 1
    assert lines[0].startswith(line)


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("!!python/object/apply:os.system [ls]", 'the tag "python/object/apply:os.system" is not supported here'),
        ("!mine etl", 'the tag "!mine" is not supported here'),
        ("!!int etl", 'the tag "int" is not supported here'),
        ("!!binary aGk=", 'the tag "binary" is not supported here'),
        ('"\\ud800"', "has half a character"),
        ("{<<: {a: b}}", "merge keys are not supported"),
    ],
)
def test_yaml_that_plain_data_does_not_need_is_refused_without_further_noise(value: str, what: str) -> None:
    lines = [line for line in refused(changed("group: etl", f"group: {value}")) if "must be text" not in line]
    assert len(lines) == 1
    assert what in lines[0]


def test_a_bomb_of_aliases_does_not_go_off() -> None:
    (line,) = refused(BOMB)
    assert line.endswith("its aliases unfold to too many values; write the values out")


def test_words_that_old_yaml_reads_otherwise_are_text() -> None:
    assert loaded(FULL).cluster.tags == {"team": "data", "on": "yes"}
    assert loaded(changed("bootstrap: []", "tags: {a: no, b: 12:30, c: 2026-01-01}")).cluster.tags["b"] == "12:30"


def test_a_few_aliases_are_welcome() -> None:
    text = changed("primary: {type: m5.xlarge}", "primary: &node {type: m5.xlarge}")
    text = changed("core: {type: m5.xlarge, count: 1}", "core: *node", text)
    groups = loaded(text).cluster.instances.groups
    assert groups is not None
    assert groups.core == groups.primary


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm() -> None:
    assert loaded("\ufeff" + SMALL.replace("\n", "\r\n")) == loaded(SMALL)


def _problem_of(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_missing_file_a_folder_and_an_impossible_path_are_named(tmp_path: Path) -> None:
    assert _problem_of(tmp_path / "no.yaml").startswith("there is no such file; check the path, or write one")
    assert _problem_of(tmp_path) == "this is a folder; give the path of the spec file in it"
    assert _problem_of(tmp_path / ("x" * 300)).startswith("the file cannot be read (File name too long)")
    assert _problem_of(Path("a\0b")).startswith("the file cannot be read (embedded null byte)")


@contextmanager
def _without_privileges() -> Iterator[None]:
    """Root may read everything, so stop being root for a moment."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "etl.yaml"
    path.write_text(SMALL)
    path.chmod(0)
    with _without_privileges():
        assert _problem_of(path) == "you may not read this file; ask for read permission on it and its folders"


def test_the_store_lies_beside_the_spec_wherever_the_command_runs(tmp_path: Path) -> None:
    path = tmp_path / "etl.yaml"
    path.write_text(SMALL)
    assert load_spec(path).store.sqlite == str(tmp_path / "emr-dr.db")
    path.write_text(SMALL.replace("./emr-dr.db", "/var/lib/emr-dr/etl.db"))
    assert load_spec(path).store.sqlite == "/var/lib/emr-dr/etl.db"


def test_certificate_authorities_lie_beside_the_spec_wherever_the_command_runs(tmp_path: Path) -> None:
    path = tmp_path / "etl.yaml"
    path.write_text(FULL)
    (tmp_path / "ca.pem").write_bytes("# Größe\n".encode() + authority().pem)
    spec = load_spec(path)
    ca = str(tmp_path / "ca.pem")
    assert [access.ca for _, access in spec.accesses()] == [ca, None, None, ca]
    assert spec.services.livy.path == "/gateway/livy/"
    assert spec.source.line(("services", "livy")) == 15
    assert trust(spec).keys() == {("services", "livy"), ("checks", 0)}


def test_a_file_without_a_certificate_is_refused_for_each_key_that_names_it(tmp_path: Path) -> None:
    path, ca = tmp_path / "etl.yaml", tmp_path / "ca.pem"
    path.write_text(FULL)
    lines = [f"{path}:15: services.livy.ca: {ca} is no file; correct the path"]
    lines += [f"{path}:24: checks[0].ca: {ca} is no file; correct the path"]
    assert _lines_of(path) == lines
    ca.mkdir()
    assert _lines_of(path) == lines
    ca.rmdir()
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    for content in (b"", broken, b"\x30\x82\x00", b"certainly"):
        ca.write_bytes(content)
        assert _lines_of(path)[0] == (
            f"{path}:15: services.livy.ca: {ca} holds no certificate in PEM; "
            "put the authority's certificate there, beginning with -----BEGIN CERTIFICATE-----"
        )


def test_a_certificate_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    path, ca = tmp_path / "etl.yaml", tmp_path / "ca.pem"
    path.write_text(FULL)
    ca.write_bytes(authority().pem)
    spec = load_spec(path)
    ca.chmod(0)
    with _without_privileges(), pytest.raises(SpecError) as caught:
        trust(spec)
    assert f"{path}:15: services.livy.ca: {ca} cannot be read (Permission denied); check its" in str(caught.value)


GATEWAY = (
    changed("mode: direct", "mode: gateway")
    + "gateway: {users: {scheme: basic, file: users}, tls: {certificate: gateway.pem, key: gateway.key}}\n"
)


def _gateway_files(folder: Path) -> Path:
    path = folder / "etl.yaml"
    path.write_text(GATEWAY)
    (folder / "users").write_text("airflow:$2b$05$x\n")
    authority().server(folder, "gateway")
    both = (folder / "gateway-1.pem").read_bytes()
    (folder / "gateway.pem").write_bytes(both)
    (folder / "gateway.key").write_bytes(both)
    return path


def test_the_files_of_gateways_lie_beside_the_spec(tmp_path: Path) -> None:
    gateway = load_spec(_gateway_files(tmp_path)).gateway
    assert gateway.users.file == str(tmp_path / "users")
    assert gateway.tls is not None
    assert (gateway.tls.certificate, gateway.tls.key) == (str(tmp_path / "gateway.pem"), str(tmp_path / "gateway.key"))


def test_each_missing_file_of_gateways_is_named_and_in_mode_direct_none_is_missed(tmp_path: Path) -> None:
    path = _gateway_files(tmp_path)
    for name in ("users", "gateway.pem", "gateway.key"):
        (tmp_path / name).unlink()
    assert _lines_of(path) == [
        f"{path}:27: gateway.tls.certificate: {tmp_path / 'gateway.pem'} is no file; correct the path",
        f"{path}:27: gateway.tls.key: {tmp_path / 'gateway.key'} is no file; correct the path",
        f"{path}:27: gateway.users.file: {tmp_path / 'users'} is no file; correct the path",
    ]
    path.write_text(GATEWAY.replace("mode: gateway", "mode: direct"))
    assert load_spec(path).gateway.users.scheme == "basic"


def _lines_of(path: Path) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value).splitlines()
