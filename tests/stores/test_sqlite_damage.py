"""Files that are not ours, not writable, or not whole: what is said then, and that they are left alone."""
# ruff: noqa: ASYNC240 - nothing else runs on a test's loop that a look at a file could delay

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from contracts.values import document
from emr_dr.errors import PermanentError
from emr_dr.stores.schema import MIGRATIONS
from stores.conftest import OpenStore
from stores.looks import refusal, run_sql

NOBODY = 65534


class TestAFileThatIsNotOurs:
    @pytest.mark.parametrize(
        "statements",
        [["CREATE TABLE t (x)"], ["PRAGMA application_id = 7"], ["PRAGMA user_version = 1"]],
        ids=["tables", "application", "version"],
    )
    async def test_another_programs_database_is_left_alone(
        self, tmp_path: Path, open_store: OpenStore, statements: list[str]
    ) -> None:
        path = tmp_path / "emr-dr.db"
        run_sql(path, *statements, "VACUUM")
        before = path.read_bytes()
        error = await refusal(open_store().save(document()))
        assert isinstance(error, PermanentError)
        assert str(error) == f"{path}: this is not a store of emr-dr; name another file in the spec under `store`"
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]

    async def test_a_text_file_is_left_alone(self, tmp_path: Path, open_store: OpenStore) -> None:
        path = tmp_path / "emr-dr.db"
        path.write_text("group: etl\n" * 100)
        error = await refusal(open_store().load("etl"))
        assert isinstance(error, PermanentError)
        assert f"{path}: damaged, or no store at all" in str(error)
        assert path.read_text() == "group: etl\n" * 100

    async def test_a_newer_schema_is_left_alone(self, path: Path, open_store: OpenStore) -> None:
        run_sql(path, "PRAGMA user_version = 99")
        error = await refusal(open_store(path).load("etl"))
        assert isinstance(error, PermanentError)
        what = f"the store has schema 99, newer than {len(MIGRATIONS)}"
        assert str(error) == f"{path}: {what}; use the newest emr-dr that ever wrote to this store"

    async def test_a_folder_is_no_file(self, tmp_path: Path, open_store: OpenStore) -> None:
        error = await refusal(open_store(tmp_path).load("etl"))
        assert isinstance(error, PermanentError)
        assert "this is a folder, not a file; name a file" in str(error)

    async def test_the_folder_has_to_exist(self, tmp_path: Path, open_store: OpenStore) -> None:
        error = await refusal(open_store(tmp_path / "var" / "emr-dr.db").save(document()))
        assert isinstance(error, PermanentError)
        assert f"the folder {tmp_path}/var does not exist; mkdir -p {tmp_path}/var" in str(error)


@contextmanager
def as_nobody() -> Iterator[Path]:
    """A folder that everybody can read, and no more rights than anybody has."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    root = os.geteuid() == 0
    try:
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


class TestAFileThatCannotBeWritten:
    @pytest.mark.parametrize("locked", ["file", "folder", "both"])
    async def test_says_so(self, path: Path, open_store: OpenStore, locked: str) -> None:
        with as_nobody() as folder:
            file = Path(shutil.copy(path, folder / "emr-dr.db"))
            file.chmod(0o444 if locked != "folder" else 0o666)
            folder.chmod(0o555 if locked != "file" else 0o777)
            if os.geteuid() == 0:
                os.seteuid(NOBODY)
            store = open_store(file)
            error = await refusal(store.save(document("adhoc")))
            await store.close()
        assert isinstance(error, PermanentError)
        assert "cannot be written" in str(error)
        assert "let this user write to the file and to its folder" in str(error)

    async def test_says_so_where_it_cannot_even_be_made(self, open_store: OpenStore) -> None:
        with as_nobody() as folder:
            folder.chmod(0o555)
            if os.geteuid() == 0:
                os.seteuid(NOBODY)
            store = open_store(folder / "emr-dr.db")
            error = await refusal(store.load("etl"))
            await store.close()
        assert isinstance(error, PermanentError)
        assert "cannot be written" in str(error)


class TestAFileThatIsDamaged:
    async def test_a_broken_page_is_found_when_it_is_read(self, path: Path, open_store: OpenStore) -> None:
        whole = path.read_bytes()
        page = int.from_bytes(whole[16:18], "big")
        path.write_bytes(whole[:page] + b"\xff" * (len(whole) - page))
        error = await refusal(open_store(path).load("etl"))
        assert isinstance(error, PermanentError)
        assert f"{path}: damaged" in str(error)
        assert "keep a copy of it, then restore it from a backup" in str(error)

    async def test_a_file_cut_short_is_damaged(self, path: Path, open_store: OpenStore) -> None:
        path.write_bytes(path.read_bytes()[:5000])
        assert isinstance(await refusal(open_store(path).load("etl")), PermanentError)

    async def test_a_lost_table_is_not_made_again(self, path: Path, open_store: OpenStore) -> None:
        run_sql(path, "DROP TABLE groups")
        error = await refusal(open_store(path).load("etl"))
        assert isinstance(error, PermanentError)
        assert "no such table: groups" in str(error)

    async def test_damaged_text_says_which_group(self, path: Path, open_store: OpenStore) -> None:
        run_sql(path, "UPDATE groups SET document = substr(document, 1, 100), views = '{}'")
        store = open_store(path)
        assert f"{path}: group etl: the document is damaged" in str(await refusal(store.load("etl")))
        assert "list of member views is damaged" in str(await refusal(store.views("etl")))

    async def test_a_file_that_is_replaced_while_in_use_is_not_written(self, path: Path, open_store: OpenStore) -> None:
        store = open_store(path)
        kept = await store.load("etl")
        assert kept is not None
        path.rename(path.with_suffix(".away"))
        assert "removed or replaced while in use" in str(await refusal(store.save(kept)))
        assert not path.exists()
        run_sql(path, "VACUUM")
        assert "removed or replaced while in use" in str(await refusal(store.load("etl")))
        path.with_suffix(".away").rename(path)
        assert (await store.save(kept)).version == 2
