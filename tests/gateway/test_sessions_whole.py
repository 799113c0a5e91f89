"""Sessions and batches through a whole gateway, joined as its command joins it, over stand-in members."""

import asyncio
from pathlib import Path

import aiohttp

from benchmarks.gateway.bed import GROUP, SPEC
from emr_dr.bootstrap_gateway import Place, assemble_gateway
from emr_dr.core.document import Document
from emr_dr.core.group import Group, Wanted
from emr_dr.gateway.listener import bound
from emr_dr.lab.standin import LivySettings
from emr_dr.spec.load import load_spec
from emr_dr.stores import SqliteStore
from gateway.members import Members
from gateway.served import HOST
from gateway.session_town import PROOF


async def test_a_session_begins_beside_batches_and_dies_with_its_member(members: Members, tmp_path: Path) -> None:
    member = await members.start(settings=LivySettings(csrf=True))
    (tmp_path / "emr-dr.yaml").write_text(SPEC)
    spec = load_spec(tmp_path / "emr-dr.yaml")
    store = SqliteStore(tmp_path / "emr-dr.db")
    document = await store.save(Document(Group(GROUP, "test", Wanted(serving=1))), views=[member.view()])
    listening = bound(HOST, 0)
    port, stop = listening.getsockname()[1], asyncio.Event()
    async with assemble_gateway(Place(spec, HOST, port, listening, 100), "gateway-1") as serving:
        running = asyncio.create_task(serving.run(stop))
        async with aiohttp.ClientSession(f"http://{HOST}:{port}") as http:

            async def ask(method: str, path: str, **body: object) -> dict[str, object]:
                try:
                    async with http.request(method, path, json=body or None) as answer:
                        return {"status": answer.status, **await answer.json()}
                except aiohttp.ClientConnectionError:  # it does not listen yet
                    return {}

            async def until(wanted: dict[str, object], method: str, path: str, **body: object) -> None:
                async with asyncio.timeout(20):
                    while not wanted.items() <= (await ask(method, path, **body)).items():  # noqa: ASYNC110 - HTTP
                        await asyncio.sleep(0.05)

            await until({"status": 201, "id": 1}, "POST", "/sessions", kind="pyspark")
            await until({"status": 201, "id": 1}, "POST", "/batches", file="s3://acme/a.py")
            await until({"state": "idle"}, "GET", "/sessions/1")
            await until({"state": "success"}, "GET", "/batches/1")
            assert len(member.sessions.all) == len(member.batches.all) == 1
            await ask("GET", "/sessions")
            async with http.get("/metrics") as answer:
                assert 'emr_dr_member_sessions{cluster="j-1"} 1.0' in await answer.text()
            await store.save(document, views=[member.view(accepts_new=False, death=PROOF)])
            await until({"state": "dead"}, "GET", "/sessions/1/state")
        stop.set()
        await running
    listening.close()
    await store.close()
