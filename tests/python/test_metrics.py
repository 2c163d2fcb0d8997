"""The page of metrics, read by the parsers of Prometheus's own client library, after traffic."""

import urllib.request

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from people import token

OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"


def scrape(server, accept):
    request = urllib.request.Request(server.origin + "/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def numbers(families):
    """Samples by name and labels; one that is there twice is a fault. The parser of the older form adds `_total` to counters
    that are named otherwise, so here it is nowhere."""
    found = {}
    for family in families:
        for sample in family.samples:
            key = (sample.name.removesuffix("_total"), tuple(sorted(sample.labels.items())))
            assert key not in found, key
            found[key] = sample.value
    return found


@pytest.fixture
async def traffic(person, subscribe, channel, encoding):
    """Somebody is there, and is sent something."""
    someone = await person(token=token(sub="ann"))
    subscription = await subscribe(someone, channel(""))
    await subscription.publish(encoding.pack({"n": 1}))
    await subscription.events.awaited("publication")
    return someone


async def test_both_forms_are_read_and_say_the_same(server, traffic):
    kind, text = scrape(server, "*/*")
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    classic = list(text_string_to_metric_families(text))
    kind, text = scrape(server, OPEN_METRICS)
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    modern = list(openmetrics.text_string_to_metric_families(text))

    before, after = numbers(classic), numbers(modern)
    # A scrape is a connection and an answer itself.
    changing = ("process_", "wavecast_shard_", "wavecast_canary_", "wavecast_network_", "wavecast_http_")
    changing += ("wavecast_connections",)
    # The reply to the publication may be on its way yet.
    changing += ("wavecast_memory_held_bytes",)
    steady = {key: value for key, value in before.items() if not key[0].startswith(changing)}
    assert {key: after.get(key) for key in steady} == steady
    assert set(before) <= set(after), "the scrape before counts as an answer, and may be the first"

    def total(name):
        return sum(value for (found, _), value in after.items() if found == name)

    assert total("wavecast_sessions") >= 1
    assert total("wavecast_deliveries") >= 1
    assert total("centrifugo_node_num_clients") == total("wavecast_sessions")
    assert total("process_resident_memory_bytes") > 1_000_000
    assert total("process_start_time_seconds") > 1_700_000_000


async def test_names_units_and_kinds_follow_the_conventions(server, traffic):
    _, text = scrape(server, OPEN_METRICS)
    kinds = {}
    for family in openmetrics.text_string_to_metric_families(text):
        kinds[family.name] = family.type
        assert family.documentation.endswith("."), family.name
        if family.name.startswith("wavecast_"):
            assert family.type in ("counter", "gauge", "histogram", "info"), family.name
        for unit in ("seconds", "bytes"):
            assert family.name.endswith("_" + unit) == (family.unit == unit), family.name
        for sample in family.samples:
            assert sample.value >= 0, sample
    assert kinds["wavecast_publications"] == "counter"
    assert kinds["wavecast_build"] == "info"
    assert kinds["wavecast_api_duration_seconds"] == "histogram"
    # Its name has to stay what dashboards ask for.
    assert kinds["centrifugo_node_action_count"] == "unknown"
