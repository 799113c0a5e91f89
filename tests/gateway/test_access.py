"""Who may ask the gateway, in whose name batches run, and whose batches anybody sees."""

import asyncio
import base64
import hashlib
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import bcrypt
import pytest
from structlog.testing import capture_logs

from emr_dr.bootstrap_gateway import access_of
from emr_dr.errors import UsageError
from emr_dr.gateway.access import Access
from emr_dr.gateway.signing_in import MOST_CHECKS
from emr_dr.gateway.tls import server_context
from emr_dr.gateway.users_file import UsersFile, bcrypt_hashes, token_digests
from emr_dr.spec.gateway import Limits, Tls, Users
from gateway.certificates import Authority
from gateway.memory import MemoryBatches
from gateway.served import Served, served

BODY = b'{"file":"s3://a/b.py"}'


def hashed(password: str) -> str:
    """As `htpasswd -B` writes it, at the least cost."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


def basic(user: str, password: str) -> Mapping[str, str]:
    """The header with which a client signs in."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> Mapping[str, str]:
    """The header with which a client signs in."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    """ann, bob and root with passwords of their names."""
    file = tmp_path / "users"
    file.write_text("# people\n\n" + "".join(f"{user}:{hashed(f'{user}-1')}\n" for user in ("ann", "bob", "root")))
    return file


def users(file: Path, scheme: str = "basic", **more: object) -> Users:
    """The spec's section; root may act for others."""
    return Users.model_validate({"scheme": scheme, "file": str(file), "superusers": ["root"], **more})


def access(section: Users) -> Access:
    """Who may ask, as the section says."""
    return access_of(section)[0]


ann, bob, root = (basic(user, f"{user}-1") for user in ("ann", "bob", "root"))


async def test_nobody_known_is_asked_to_sign_in(passwords: Path) -> None:
    async with served(MemoryBatches(), access=access(users(passwords))) as gateway:
        for path in ("/", "/batches", "/batches/1", "/batches/1/state", "/version", "/nosuch", "/metrics", "/sessions"):
            reply = await gateway.ask("GET", path)
            assert (path, reply.status) == (path, 401)
            assert reply.headers["www-authenticate"] == 'Basic realm="emr-dr", charset="UTF-8"'
        assert (await gateway.ask("POST", "/batches", BODY)).status == 401
        assert (await gateway.ask("DELETE", "/batches/1")).status == 401


async def test_the_balancer_need_not_sign_in(passwords: Path) -> None:
    async with served(MemoryBatches(), access=access(users(passwords))) as gateway:
        assert (await gateway.ask("GET", "/gateway/health")).status == 200
        assert (await gateway.ask("GET", "/gateway/members")).status == 401


WRONG = {
    "another's password": basic("ann", "bob-1"),
    "no password": basic("ann", ""),
    "nobody": basic("", ""),
    "unknown": basic("eve", "eve-1"),
    "no base64": {"Authorization": "Basic !!!"},
    "no colon": {"Authorization": "Basic " + base64.b64encode(b"ann").decode()},
    "no UTF-8": {"Authorization": "Basic " + base64.b64encode(b"\xff:x").decode()},
    "a null": {"Authorization": "Basic " + base64.b64encode(b"ann:ann-1\0").decode()},
    "a token": bearer("ann-1"),
    "nothing after it": {"Authorization": "Basic"},
    "the user's hash": basic("ann", "$2y$04$"),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
async def test_wrong_credentials_do_not_let_in_and_are_told_in_the_log(
    passwords: Path, headers: Mapping[str, str]
) -> None:
    batches = MemoryBatches()
    async with served(batches, access=access(users(passwords))) as gateway:
        with capture_logs() as logs:
            for _ in range(2):  # the second time from what is remembered
                reply = await gateway.ask("POST", "/batches", BODY, headers)
                assert (reply.status, reply.json) == (401, {"msg": "sign in"})
        assert batches.seen == []
        assert [each["event"] for each in logs] == ["sign_in_refused"] * 2
        assert "ann-1" not in repr(logs)


async def test_who_signs_in_is_the_owner_and_the_batch_runs_in_their_name(passwords: Path) -> None:
    batches = MemoryBatches()
    async with served(batches, access=access(users(passwords))) as gateway:
        reply = await gateway.ask("POST", "/batches", BODY, ann)
        assert reply.status == 201
        assert isinstance(reply.json, dict)
        assert (reply.json["owner"], reply.json["proxyUser"]) == ("ann", "ann")
        submission, caller = batches.seen[0]
        assert caller.user == "ann"
        assert submission.request["proxyUser"] == "ann"


SPOOFED = {
    "proxyUser": ("/batches", b'{"file":"s3://a/b.py","proxyUser":"bob"}'),
    "doAs": ("/batches?doAs=bob", BODY),
    "doAs first": ("/batches?doAs=bob&doAs=ann", BODY),
    "both": ("/batches?doAs=bob", b'{"file":"s3://a/b.py","proxyUser":"root"}'),
    "proxyUser twice": ("/batches", b'{"file":"s3://a/b.py","proxyUser":"ann","proxyUser":"bob"}'),
    "escaped": ("/batches?do%41s=bob", BODY),
    "proxyUser as a number": ("/batches", b'{"file":"s3://a/b.py","proxyUser":1000}'),
    "null": ("/batches", b'{"file":"s3://a/b.py","proxyUser":null}'),
}


@pytest.mark.parametrize(("path", "body"), SPOOFED.values(), ids=SPOOFED.keys())
async def test_nobody_acts_in_anothers_name(passwords: Path, path: str, body: bytes) -> None:
    batches = MemoryBatches()
    async with served(batches, access=access(users(passwords))) as gateway:
        assert (await gateway.ask("POST", path, body, ann)).status == 201
    submission, caller = batches.seen[0]
    assert (submission.proxy_user, submission.request["proxyUser"], caller.user) == ("ann", "ann", "ann")


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/batches?doAs=bob", b'{"file":"s3://a/b.py","proxyUser":"ann"}', "bob"),
        ("/batches", b'{"file":"s3://a/b.py","proxyUser":"ann"}', "ann"),
        ("/batches", BODY, "root"),
    ],
)
async def test_a_superuser_acts_for_others_and_else_for_themselves(
    passwords: Path, path: str, body: bytes, expected: str
) -> None:
    batches = MemoryBatches()
    async with served(batches, access=access(users(passwords))) as gateway:
        assert (await gateway.ask("POST", path, body, root)).status == 201
    submission, caller = batches.seen[0]
    assert (submission.proxy_user, submission.request["proxyUser"]) == (expected, expected)
    assert (caller.user, caller.superuser) == ("root", True)


async def test_where_nobody_signs_in_names_pass_as_given() -> None:
    batches = MemoryBatches()
    async with served(batches) as gateway:
        await gateway.ask("POST", "/batches?doAs=bob", BODY)
        await gateway.ask("POST", "/batches", BODY)
    assert [s.proxy_user for s, _ in batches.seen] == ["bob", None]
    assert "proxyUser" not in batches.seen[1][0].request


async def look(gateway: Served, headers: Mapping[str, str], batch: str) -> list[int]:
    """The statuses of everything that is said of one batch."""
    paths = (f"/batches/{batch}", f"/batches/{batch}/state", f"/batches/{batch}/log", f"/gateway/batches/{batch}")
    return [(await gateway.ask("GET", path, headers=headers)).status for path in paths]


async def test_everybody_sees_and_ends_all_batches_where_all_are_shared(passwords: Path) -> None:
    batches = MemoryBatches()
    async with served(batches, access=access(users(passwords))) as gateway:
        await gateway.ask("POST", "/batches", b'{"file":"s3://a/b.py","name":"mine"}', ann)
        assert await look(gateway, bob, "1") == [200] * 4
        assert (await gateway.ask("DELETE", "/batches/mine", headers=bob)).status == 200


async def test_where_batches_are_ones_own_those_of_others_are_not_there(passwords: Path) -> None:
    batches = MemoryBatches()
    section = users(passwords, share="own")
    async with served(batches, access=access(section)) as gateway:
        await gateway.ask("POST", "/batches", b'{"file":"s3://a/b.py","name":"mine"}', ann)
        assert await look(gateway, ann, "1") == [200] * 4  # and now it is ready in memory
        for named in ("1", "mine"):
            assert await look(gateway, bob, named) == [404] * 4
            assert (await gateway.ask("DELETE", f"/batches/{named}", headers=bob)).status == 404
            assert await look(gateway, ann, named) == [200] * 4
            assert await look(gateway, root, named) == [200] * 4
        assert batches.deleted == []
        lists = [(await gateway.ask("GET", "/batches", headers=who)).json for who in (ann, bob, root)]
        assert [each["total"] for each in lists if isinstance(each, dict)] == [1, 0, 1]
        assert (await gateway.ask("DELETE", "/batches/1", headers=root)).status == 200


async def test_what_is_not_ones_own_reads_as_what_does_not_exist(passwords: Path) -> None:
    async with served(MemoryBatches(), access=access(users(passwords, share="own"))) as gateway:
        await gateway.ask("POST", "/batches", BODY, ann)
        other = await gateway.ask("GET", "/batches/1", headers=bob)
        nothing = await gateway.ask("GET", "/batches/2", headers=bob)
        assert (other.status, other.body.replace(b"1", b"N")) == (nothing.status, nothing.body.replace(b"2", b"N"))


async def test_a_password_is_hashed_once_for_many_polls(passwords: Path) -> None:
    signing_in = access(users(passwords))
    batches = MemoryBatches()
    async with served(batches, access=signing_in) as gateway:
        await gateway.ask("POST", "/batches", BODY, ann)
        assert signing_in.known(ann["Authorization"].encode()) is not None
        assert signing_in.known(bob["Authorization"].encode()) is None
        assert signing_in.known(None) is None


async def test_credentials_that_nobody_keeps_are_not_in_memory(passwords: Path) -> None:
    signing_in = access(users(passwords))
    await signing_in.caller(ann["Authorization"].encode())
    assert "ann-1" not in repr(vars(signing_in))
    assert ann["Authorization"] not in repr(vars(signing_in))


async def test_the_loop_goes_on_while_passwords_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "users"
    file.write_text(f"ann:{bcrypt.hashpw(b'ann-1', bcrypt.gensalt(12)).decode()}\n")
    signing_in = access(users(file))
    check = asyncio.create_task(signing_in.caller(ann["Authorization"].encode()))
    turns = 0
    while not check.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await check).user == "ann"
    assert turns >= 10


async def test_many_who_sign_in_at_once_with_the_same_credentials_cost_one_check(passwords: Path) -> None:
    signing_in = access(users(passwords))
    callers = await asyncio.gather(*(signing_in.caller(ann["Authorization"].encode()) for _ in range(10 * MOST_CHECKS)))
    assert {caller.user for caller in callers} == {"ann"}


async def test_more_passwords_than_can_be_checked_are_put_off(passwords: Path) -> None:
    async with served(MemoryBatches(), access=access(users(passwords))) as gateway:
        asked = (gateway.ask("GET", "/batches", headers=basic("ann", f"{n}")) for n in range(3 * MOST_CHECKS))
        replies = await asyncio.gather(*asked)
        assert {reply.status for reply in replies} <= {401, 503}
        assert all(reply.headers["retry-after"] == "1" for reply in replies if reply.status == 503)


async def test_a_file_that_changes_is_read_again_and_a_broken_one_is_not(passwords: Path) -> None:
    signing_in = access(users(passwords))
    good = passwords.read_text()  # noqa: ASYNC240 - a small file of the test
    watched = signing_in._file  # type: ignore[attr-defined]  # noqa: SLF001 - what runs as a loop is driven by hand
    async with served(MemoryBatches(), access=signing_in) as gateway:
        assert (await gateway.ask("GET", "/batches", headers=ann)).status == 200
        passwords.write_text("ann\n")  # noqa: ASYNC240 - as above
        with capture_logs() as logs:
            await watched.look()
            await watched.look()
        assert [(each["event"], each["log_level"]) for each in logs] == [("users_file_broken", "error")]
        assert f"{passwords}:1" in logs[0]["error"]
        assert (await gateway.ask("GET", "/batches", headers=ann)).status == 200
        passwords.write_text(good.replace("ann:", "cat:"))  # noqa: ASYNC240 - as above
        await watched.look()
        assert (await gateway.ask("GET", "/batches", headers=ann)).status == 401
        assert (await gateway.ask("GET", "/batches", headers=basic("cat", "ann-1"))).status == 200
        passwords.unlink()  # noqa: ASYNC240 - as above
        await watched.look()
        assert (await gateway.ask("GET", "/batches", headers=bob)).status == 200


async def test_who_has_a_token_is_let_in(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    digests = {token: hashlib.sha256(token.encode()).hexdigest() for token in ("t-1", "t-2", "t-3")}
    file.write_text(f"ann:{digests['t-1']}\nann:{digests['t-2'].upper()}\nroot:{digests['t-3']}\n")
    batches = MemoryBatches()
    async with served(batches, access=access(users(file, "bearer"))) as gateway:
        for token in digests:
            assert (await gateway.ask("POST", "/batches", BODY, bearer(token))).status == 201
        assert [caller.user for _, caller in batches.seen] == ["ann", "ann", "root"]
        for wrong in (bearer("t-4"), bearer(digests["t-1"]), basic("ann", "t-1"), {"Authorization": "Bearer"}, {}):
            reply = await gateway.ask("GET", "/batches/1", headers=wrong)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, 'Bearer realm="emr-dr"')


BROKEN = {
    "no colon": ("ann", "1: is not user:secret"),
    "no user": (f":{hashed('x')}", "1: is not user:secret"),
    "another hash": ("ann:$apr1$x$y", "1: is no bcrypt hash; make it with: htpasswd -B"),
    "no hash": ("ann:", "1: is no bcrypt hash"),
    "a plain password": ("ann:ann-1", "1: is no bcrypt hash"),
    "too costly": ("ann:" + hashed("x").replace("$04$", "$31$"), "1: a cost of 31 is not from 4 to 14"),
    "twice": (f"ann:{hashed('x')}\nann:{hashed('y')}", "2: user ann is there twice"),
    "nobody": ("# nobody", " has no user"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_of_users_that_makes_no_sense_is_refused_at_the_start(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "users"
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        UsersFile(file, bcrypt_hashes)
    assert said in str(error.value)
    assert str(error.value).startswith(str(file))
    assert "ann-1" not in str(error.value)


def test_a_file_of_tokens_that_makes_no_sense_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("ann:abc\n")
    with pytest.raises(UsageError, match="is no SHA-256 in hexadecimal; make it with"):
        UsersFile(file, token_digests)
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        UsersFile(tmp_path / "none", token_digests)


async def test_clients_are_served_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = server_context(authority.issue("gateway"))
    client = ssl.create_default_context(cafile=authority.file)
    async with served(MemoryBatches(), server_tls=tls, client_tls=client) as gateway:
        reply = await gateway.ask("GET", "/")
        assert reply.headers["location"].startswith("https://")
        assert (await gateway.ask("POST", "/batches", BODY)).status == 201


def test_a_certificate_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    good, other = authority.issue("good"), authority.issue("other")
    cases = {
        "No such file": Tls(certificate=str(tmp_path / "none"), key=good.key),
        "do not belong together": Tls(certificate=good.certificate, key=other.key),
        "is no PEM": Tls(certificate=good.key, key=good.key),
        "certificate has expired": authority.issue("old", days=(-20, -10)),
        "not yet valid": authority.issue("new", days=(10, 20)),
        "encrypted": authority.issue("locked", password=b"secret"),
    }
    for said, tls in cases.items():
        with pytest.raises(UsageError, match=said):
            server_context(tls)


async def test_who_does_not_finish_a_tls_handshake_is_cut_off(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    limits = Limits.model_validate({"slow": "1s"})
    tls = server_context(authority.issue("gateway"))
    async with served(MemoryBatches(), server_tls=tls, limits=limits) as gateway:
        wire = await gateway.connect()
        began = time.monotonic()
        await wire.ended()
        assert time.monotonic() - began < 4
