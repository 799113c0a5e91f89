"""How the answers that a client gets are counted."""

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.answers.clients import Answer, Asker, ConnectionEach, OneConnection, Task
from benchmarks.answers.measure import counted


class Scripted:
    """A balancer that gives these answers, one after another."""

    def __init__(self, *answers: Answer | None) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def ask(self, method: str, path: str, body: object = None) -> Answer | None:
        self.asked.append(f"{method} {path} {body['name'] if isinstance(body, dict) else ''}".strip())
        return self._answers.pop(0)

    def close(self) -> None:
        """Nothing is open."""


CREATED: Answer = (201, {"id": 7})
UNKNOWN: Answer = (404, {"msg": "Session '7' not found."})


def said(name: str, state: str) -> Answer:
    return 200, {"name": name, "state": state}


def run(*answers: Answer | None, succeeds: bool = True) -> tuple[Task, Sequence[str]]:
    task, asker = Task("t", succeeds=succeeds, pause=0), Scripted(*answers)
    task.run(asker, {"file": "f"}, lambda: None)
    return task, asker.asked


def test_a_client_polls_through_404_and_silence_to_its_own_batch_s_end() -> None:
    task, asked = run(CREATED, UNKNOWN, None, said("t-0", "running"), said("t-0", "success"))
    assert asked == ["POST /batches t-0", *["GET /batches/7"] * 4]
    assert (task.right, task.unknown, task.silent, task.others) == (2, 1, 1, 0)
    assert (task.told, task.another_jobs, task.opposite) == ("success", False, False)


@pytest.mark.parametrize(
    ("succeeds", "state", "opposite"),
    [(True, "dead", True), (False, "success", True), (True, "success", False), (False, "dead", False)],
)
def test_it_ends_with_whatever_batch_has_its_number(*, succeeds: bool, state: str, opposite: bool) -> None:
    task, _ = run(CREATED, said("other-0", "running"), said("other-0", state), succeeds=succeeds)
    assert (task.others, task.another_jobs, task.opposite) == (2, True, opposite)


def test_a_submission_that_was_not_accepted_is_made_again_under_another_name_and_either_is_its_own() -> None:
    task, asked = run(None, CREATED, said("t-0", "success"))
    assert asked[:2] == ["POST /batches t-0", "POST /batches t-1"]
    assert (task.refused, task.another_jobs) == (1, False)


def test_the_counts_of_all_clients_are_summed() -> None:
    right, _ = run(CREATED, UNKNOWN, said("t-0", "success"))
    wrong, _ = run(CREATED, said("other-0", "dead"))
    never = Task("never", succeeds=True, unknown=1)
    told = counted([right, wrong, never])
    assert told["polls_by_answer"] == {"right": 1, "unknown": 2, "others": 1, "silent": 0}
    assert told["wrong_polls_percent"] == 75.0
    assert told["final_states"] == {"own": 1, "another_jobs": 1, "opposite_of_the_truth": 1, "never_learned": 1}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    ports: list[int]

    def do_GET(self) -> None:
        self.ports.append(self.client_address[1])
        body = json.dumps({}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the standard library
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    _Handler.ports = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(("kind", "connections"), [(OneConnection, 1), (ConnectionEach, 3)])
def test_one_kind_keeps_its_connection_and_the_other_never_does(
    server: ThreadingHTTPServer, kind: type[OneConnection | ConnectionEach], connections: int
) -> None:
    asker: Asker = kind("127.0.0.1", server.server_address[1])
    assert [asker.ask("GET", "/batches/1") for _ in range(3)] == [(200, {})] * 3
    assert len(set(_Handler.ports)) == connections
    asker.close()


def test_no_answer_is_none_and_the_next_try_makes_a_new_connection() -> None:
    asker = OneConnection("127.0.0.1", 1)
    assert asker.ask("GET", "/batches/1") is None
    assert asker.ask("GET", "/batches/1") is None
