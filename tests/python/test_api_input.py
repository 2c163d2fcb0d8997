"""The API, method by method, with input that no library would send."""

import json

import pytest
import requests

from conftest import API_KEY

METHODS = [
    "publish",
    "broadcast",
    "subscribe",
    "unsubscribe",
    "disconnect",
    "refresh",
    "presence",
    "presence_stats",
    "history",
    "history_remove",
    "channels",
    "info",
    "rpc",
    "batch",
]


def post(server, method, body, **options):
    headers = {"Content-Type": "application/json", "X-API-Key": API_KEY, **options.pop("headers", {})}
    return requests.post(f"{server.api}/{method}", data=body, headers=headers, timeout=10, **options)


def is_bad(answer):
    """Refused before anybody looked at what it asks: with an HTTP status, or with the code of a bad request."""
    return answer.status_code == 400 or (
        answer.status_code == 200 and answer.json().get("error", {}).get("code") == 107
    )


@pytest.fixture(autouse=True)
def unharmed(server):
    """Whatever came, the server goes on."""
    yield
    assert post(server, "info", "{}").json()["result"]["nodes"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "body", ["{", "nonsense", "[]", "12", '"text"', '{"channel":', "\x00", '{"channel":"x"} and more']
)
def test_no_json_object(server, method, body):
    answer = post(server, method, body)
    assert is_bad(answer), answer.text


WRONG = [
    ("publish", {"channel": 5, "data": 1}),
    ("publish", {"channel": ["x"], "data": 1}),
    ("publish", {"channel": "kept:x", "data": 1, "tags": ["x"]}),
    ("publish", {"channel": "kept:x", "data": 1, "tags": {"a": 1}}),
    ("publish", {"channel": "kept:x", "data": 1, "skip_history": "yes"}),
    ("publish", {"channel": "kept:x", "data": 1, "version": -1}),
    ("broadcast", {"channels": "kept:x", "data": 1}),
    ("broadcast", {"channels": [1], "data": 1}),
    ("subscribe", {"user": 5, "channel": "kept:x"}),
    ("subscribe", {"user": "x", "channel": "kept:x", "recover_since": 5}),
    ("unsubscribe", {"user": "x", "channel": {}}),
    ("disconnect", {"user": ["x"]}),
    ("disconnect", {"user": "x", "disconnect": "now"}),
    ("disconnect", {"user": "x", "disconnect": {"code": "4000"}}),
    ("disconnect", {"user": "x", "whitelist": "me"}),
    ("refresh", {"user": "x", "expire_at": "soon"}),
    ("refresh", {"user": "x", "expired": 1}),
    ("presence", {"channel": 5}),
    ("presence_stats", {"channel": 5}),
    ("history", {"channel": "kept:x", "limit": "all"}),
    ("history", {"channel": "kept:x", "limit": 1, "since": {"offset": -1}}),
    ("history_remove", {"channel": []}),
    ("channels", {"pattern": 5}),
    ("rpc", {"method": 5}),
    ("batch", {"commands": {}}),
    ("batch", {"commands": [5]}),
]


@pytest.mark.parametrize(("method", "body"), WRONG, ids=[f"{method}-{json.dumps(body)}" for method, body in WRONG])
def test_a_field_of_the_wrong_type(server, method, body):
    answer = post(server, method, json.dumps(body))
    assert is_bad(answer), answer.text


REFUSED = [
    ("publish", {}, 107),
    ("publish", {"data": 1}, 107),
    ("publish", {"channel": "nowhere:x", "data": 1}, 102),
    ("publish", {"channel": "kept:x", "b64data": "*"}, 107),
    ("broadcast", {}, 107),
    ("broadcast", {"channels": [], "data": 1}, 107),
    ("subscribe", {"user": "x"}, 107),
    ("subscribe", {"user": "x", "channel": "kept:x", "b64info": "*"}, 107),
    ("subscribe", {"user": "x", "channel": "kept:x", "b64data": "*"}, 107),
    ("unsubscribe", {"user": "x", "channel": "nowhere:x"}, 102),
    ("presence", {}, 107),
    ("presence_stats", {}, 107),
    ("presence_stats", {"channel": "nowhere:x"}, 102),
    ("history", {}, 107),
    ("history", {"channel": "kept:x", "limit": 1, "since": {"offset": 1, "epoch": "elsewhere"}}, 112),
    ("history_remove", {}, 107),
    ("history_remove", {"channel": "nowhere:x"}, 102),
    ("rpc", {}, 107),
    ("rpc", {"method": "nothing"}, 104),
]


@pytest.mark.parametrize(
    ("method", "body", "code"), REFUSED, ids=[f"{method}-{json.dumps(body)}" for method, body, _ in REFUSED]
)
def test_what_cannot_be_done(server, method, body, code):
    answer = post(server, method, json.dumps(body))
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, code), answer.text


def test_a_pattern_that_is_none(server):
    answer = post(server, "channels", json.dumps({"pattern": "[a"}))
    assert answer.json()["error"]["code"] in (100, 107), answer.text


@pytest.mark.parametrize(
    ("code", "status", "method", "body"),
    [
        (102, 404, "publish", {"channel": "nowhere:x", "data": 1}),
        (104, 404, "rpc", {"method": "nothing"}),
        (107, 400, "publish", {"data": 1}),
        (108, 400, "presence", {"channel": "bare:x"}),
        (112, 416, "history", {"channel": "kept:x", "limit": 1, "since": {"offset": 1, "epoch": "elsewhere"}}),
    ],
)
def test_errors_as_http_statuses(server, code, status, method, body):
    answer = post(server, method, json.dumps(body), headers={"X-Centrifugo-Error-Mode": "transport"})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_batch_answers_for_each_command(server):
    commands = [
        {"publish": {"channel": "kept:batch", "data": 1}},
        {"publish": {"channel": "nowhere:x", "data": 1}},
        {"frobnicate": {}},
        {"history": {"channel": "kept:batch", "limit": 1}},
        {},
    ]
    replies = post(server, "batch", json.dumps({"commands": commands})).json()["replies"]
    assert replies[0]["publish"]["offset"] == 1
    assert replies[1]["error"]["code"] == 102
    assert replies[2]["error"]["code"] == 104
    assert replies[3]["history"]["publications"][0]["data"] == 1
    assert replies[4]["error"]["code"] == 104


def test_the_key_may_come_in_three_ways(server):
    bare = {"X-API-Key": None}
    assert post(server, "info", "{}", headers=bare).status_code == 401
    assert post(server, "info", "{}", headers={**bare, "Authorization": f"apikey {API_KEY}"}).status_code == 200
    assert post(server, "info", "{}", headers={**bare, "Authorization": "apikey guess"}).status_code == 401
    assert post(server, "info", "{}", headers=bare, params={"api_key": API_KEY}).status_code == 200
    assert post(server, "info", "{}", headers={"X-API-Key": API_KEY[:-1]}).status_code == 401


def test_methods_of_http_and_paths(server):
    assert requests.get(f"{server.api}/info", headers={"X-API-Key": API_KEY}, timeout=10).status_code == 405
    unknown = post(server, "nothing", "{}")
    assert unknown.status_code == 404 or unknown.json()["error"]["code"] == 104


def test_an_empty_body_is_an_empty_request(server):
    assert post(server, "info", "").status_code in (200, 400)


def test_fields_that_nobody_knows_are_no_fault(server):
    answer = post(server, "publish", json.dumps({"channel": "kept:later", "data": 1, "later": True}))
    assert answer.json()["result"]["offset"] == 1
