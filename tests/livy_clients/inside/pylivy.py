"""Run by a Python that has pylivy: batches by its own classes and, if asked for, a session; prints what it was told."""

import json
import sys

from livy import LivyBatch, LivySession, SessionKind
from livy.client import LivyClient

url, asked = sys.argv[1], json.loads(sys.argv[2])
client = LivyClient(url)
answer = {"legacy": client.legacy_server(), "before": [each.batch_id for each in client.list_batches()]}
batches = {name: LivyBatch.create(url, name=name, **more) for name, more in asked["batches"].items()}
answer["ids"] = {name: each.batch_id for name, each in batches.items()}
if "kill" in asked:
    batches.pop(asked["kill"]).kill()
    answer["killed"] = client.get_batch(answer["ids"][asked["kill"]])
answer["states"] = {name: each.wait().value for name, each in batches.items()}
answer["logs"] = {name: each.log() for name, each in batches.items()}
answer["pages"] = {name: len(each.log(0, 2)) for name, each in batches.items()}
answer["unknown"] = client.get_batch(2_000_000_000)
if asked.get("code"):
    with LivySession.create(url, kind=SessionKind.PYSPARK, echo=False, check=False) as session:
        session.wait()
        answer["session"] = session.session_id
        answer["sessions"] = [each.session_id for each in client.list_sessions()]
        answer["output"] = session.run(asked["code"]).status.value
    answer["after"] = client.get_session(answer["session"])
sys.stdout.write(f"\n{json.dumps(answer)}\n")
