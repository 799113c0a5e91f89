"""Users and passwords from Secrets Manager: read as they are meant, and shown nowhere, whatever comes."""

import json
import logging
import traceback
from collections.abc import Iterator

import pytest

from aws.aws_examples import Wire, json_reply, reply
from emr_dr.aws.errors import NotFoundError
from emr_dr.aws.secrets import Secrets
from emr_dr.aws.session import Session
from emr_dr.errors import EmrDrError, PermanentError, TransientError, UsageError

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:livy-AbCdEf"
HIDDEN = "hunter2-the-secret"
WELL = {"ARN": ARN, "SecretString": json.dumps({"username": "etl", "password": HIDDEN})}


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Listen to every log there is, at its most talkative; nowhere may the secret be in it."""
    caplog.set_level(logging.DEBUG)
    yield
    told = [record.getMessage() for record in caplog.get_records("call")]
    assert any("GetSecretValue" in line for line in told), "botocore was listened to"
    assert not [line for line in told if HIDDEN in line]


def everything_of(error: BaseException | None) -> str:
    """All that can be read off an error and what it came from."""
    text = ""
    while error is not None:
        text += "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(vars(error))
        error = error.__cause__ or error.__context__
    return text


async def refused(quick: Session, kind: type[EmrDrError]) -> EmrDrError:
    with pytest.raises(kind) as caught:
        await Secrets(quick).login(ARN)
    assert HIDDEN not in everything_of(caught.value)
    return caught.value


async def test_user_and_password_are_read_from_the_secret_and_not_shown(wire: Wire, quick: Session) -> None:
    asked = []

    def answer(operation: str, parameters: object) -> bytes:
        asked.append((operation, parameters))
        return reply(WELL)

    wire.answer = answer
    login = await Secrets(quick).login(ARN)
    assert (login.user, login.password) == ("etl", HIDDEN)
    assert HIDDEN not in f"{login}{login!r}"
    assert asked == [("GetSecretValue", {"SecretId": ARN})]


async def test_a_secret_is_asked_for_where_its_arn_says(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: reply(WELL)
    await Secrets(quick).login(ARN.replace("us-east-1", "eu-west-1"))
    assert quick.secrets("eu-west-1").meta.region_name == "eu-west-1"


async def test_a_secret_that_is_not_there_is_named(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: json_reply("400 Bad Request", '{"__type": "ResourceNotFoundException"}')
    error = await refused(quick, NotFoundError)
    assert str(error) == f"{ARN}: there is no such secret; correct the ARN in the spec"


async def test_what_we_may_not_read_is_named_with_the_action_that_is_missing(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: json_reply("400 Bad Request", '{"__type": "AccessDeniedException"}')
    assert "allow secretsmanager:GetSecretValue to our role" in str(await refused(quick, PermanentError))


async def test_other_refusals_keep_aws_s_word_for_why(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: json_reply("400 Bad Request", '{"__type": "DecryptionFailure", "message": "no key"}')
    assert "DecryptionFailure: no key" in str(await refused(quick, PermanentError))


@pytest.mark.parametrize("answer", [None, json_reply("500 Oh", '{"__type": "InternalServiceError"}')])
async def test_no_good_answer_is_worth_another_try(wire: Wire, quick: Session, answer: bytes | None) -> None:
    wire.answer = lambda _, __: answer
    await refused(quick, TransientError)


@pytest.mark.parametrize(
    "held",
    [
        f"etl:{HIDDEN}",
        f'{{"username": "etl", "password": "{HIDDEN}"',
        f'["etl", "{HIDDEN}"]',
        f'{{"user": "etl", "password": "{HIDDEN}"}}',
        f'{{"username": "{HIDDEN}", "password": 7}}',
        f'{{"username": "etl:{HIDDEN}", "password": "x"}}',
        f'{{"username": "", "password": "{HIDDEN}"}}',
        f'{{"username": "etl", "password": "{HIDDEN}\\n"}}',
        f'{{"username": "etl", "password": "{HIDDEN}\\ud800"}}',
        "[" * 100_000 + HIDDEN,
    ],
)
async def test_a_secret_in_another_form_is_refused_and_not_shown(wire: Wire, quick: Session, held: str) -> None:
    wire.answer = lambda _, __: reply({"ARN": ARN, "SecretString": held})
    error = await refused(quick, UsageError)
    assert error.where == ARN
    assert error.remedy == 'store JSON there: {"username": …, "password": …}'


@pytest.mark.parametrize(
    "answer",
    [
        reply({"ARN": ARN, "SecretBinary": "aHVudGVyMg=="}),
        reply({}),
        json_reply("200 OK", json.dumps(WELL)[:-1]),
        json_reply("200 OK", HIDDEN),
    ],
    ids=["binary", "nothing", "cut off", "no JSON"],
)
async def test_an_answer_without_a_text_to_read_is_refused_and_not_shown(
    wire: Wire, quick: Session, answer: bytes
) -> None:
    wire.answer = lambda _, __: answer
    await refused(quick, UsageError)


async def test_a_page_of_somebody_else_is_no_answer(wire: Wire, quick: Session) -> None:
    wire.answer = lambda _, __: json_reply("200 OK", f"<html>{HIDDEN}</html>")
    await refused(quick, TransientError)
