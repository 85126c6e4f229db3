"""Who reaches whom: every pod is closed, and what is opened is what its work needs."""

import pytest

from tests.helm.chart import CASES, find, kind, pods, refusal, render


@pytest.fixture
def objects():
    return render(*CASES["everything"])


def chosen(objects, selector):
    wanted = selector["matchLabels"].items()
    return {
        name.split("cutwork-")[1] for name, pod in pods(objects).items() if wanted <= pod["metadata"]["labels"].items()
    }


def policy(objects, name):
    return find(objects, "NetworkPolicy", name)["spec"]


def test_every_pod_is_closed_both_ways(objects):
    closed = policy(objects, "closed")
    assert closed["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in closed
    assert chosen(objects, closed["podSelector"]) == {name.split("cutwork-")[1] for name in pods(objects)}


WORKERS = {"light", "encode", "maintenance"}


@pytest.mark.parametrize(
    ("server", "what", "clients"),
    [
        ("postgresql", "database", {"api", "migrations", "backup", "beat", *WORKERS}),
        ("valkey", "broker", {"api", "beat", "flower", *WORKERS}),
    ],
)
def test_only_those_who_need_it_reach_the_database_and_the_broker(objects, server, what, clients):
    (rule,) = policy(objects, server)["ingress"]
    mine, keda = rule["from"]
    assert chosen(objects, mine["podSelector"]) == clients
    assert keda["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "keda"}
    leaving = policy(objects, f"to-{what}")
    assert chosen(objects, leaving["podSelector"]) == clients
    (rule,) = leaving["egress"]
    assert chosen(objects, rule["to"][0]["podSelector"]) == {server}


def test_a_database_outside_is_reached_by_its_addresses():
    objects = render(*CASES["prod"])
    (rule,) = policy(objects, "to-database")["egress"]
    assert rule == {"ports": [{"port": 5432}], "to": [{"ipBlock": {"cidr": "10.0.0.0/16"}}]}
    assert "postgresql" not in kind(objects, "NetworkPolicy")


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ("keda.broker=redis", [([6379], "10.0.0.0/16")]),
        ("keda.broker=rabbitmq", [([5672, 5671], "10.0.0.0/16"), ([6379], "0.0.0.0/0")]),
        ("keda.broker=rabbitmq,networkPolicy.broker.port=5679", [([5679], "10.0.0.0/16"), ([6379], "0.0.0.0/0")]),
        ("keda.broker=rabbitmq,valkey.enabled=true", [([5672, 5671], "10.0.0.0/16"), ([6379], "valkey")]),
        ("valkey.enabled=true", [([6379], "valkey")]),
    ],
)
def test_broker_and_live_events_are_reached_where_they_are(settings, rules):
    """RabbitMQ holds messages alone: live events and chords need a Redis beside it."""

    def place(peer):
        if "ipBlock" in peer:
            return peer["ipBlock"]["cidr"]
        return peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]

    objects = render(*CASES["prod"], "--set", settings)
    found = policy(objects, "to-broker")["egress"]
    assert [([port["port"] for port in rule["ports"]], *map(place, rule["to"])) for rule in found] == rules


def test_nobody_reaches_the_metadata_of_the_node(objects):
    for name, one in kind(objects, "NetworkPolicy").items():
        for rule in one["spec"].get("egress", []):
            for peer in rule.get("to", []):
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" and name == "to-storage":
                    assert "169.254.169.254/32" in peer["ipBlock"]["except"]
    allowed = chosen(objects, policy(objects, "to-storage")["podSelector"])
    assert allowed == {"api", "backup", "beat", "smoke-test", *WORKERS}


def ports(objects, name):
    (rule,) = policy(objects, name)["egress"]
    return [port["port"] for port in rule["ports"]]


def test_where_the_settings_lead_to_is_open(objects):
    assert ports(objects, "to-storage") == [443]
    assert "to-mail" not in kind(objects, "NetworkPolicy")
    settings = "config.S3_ENDPOINT_URL=http://minio.example.com:9000,config.OUTGOING_HTTP=true,config.SMTP_HOST=mail"
    objects = render(*CASES["everything"], "--set", settings)
    assert ports(objects, "to-storage") == [443, 9000]
    assert ports(objects, "to-outside") == [443, 80]
    assert ports(objects, "to-mail") == [587]
    assert chosen(objects, policy(objects, "to-mail")["podSelector"]) == {"api"}
    objects = render(
        *CASES["everything"], "--set", "config.S3_ENDPOINT_URL=http://minio,config.SMTP_HOST=mail,config.SMTP_PORT=465"
    )
    assert ports(objects, "to-storage") == [443, 80]
    assert ports(objects, "to-mail") == [465]


def changed(*settings):
    return render(*CASES["everything"], *[f"--set-json={one}" for one in settings])


def test_webhooks_and_imports_have_a_rule_of_their_own():
    objects = changed('networkPolicy={"storage": {"cidrs": ["10.9.0.0/16"]}, "outgoing": {"ports": [443, 8443]}}')
    (rule,) = policy(objects, "to-storage")["egress"]
    assert rule["to"] == [{"ipBlock": {"cidr": "10.9.0.0/16"}}]
    (rule,) = policy(objects, "to-outside")["egress"]
    (peer,) = rule["to"]
    assert peer["ipBlock"]["cidr"] == "0.0.0.0/0"
    private = {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
    assert set(peer["ipBlock"]["except"]) == private
    assert ports(objects, "to-outside") == [443, 8443]
    (who,) = policy(objects, "to-outside")["podSelector"]["matchExpressions"]
    assert (who["key"], who["operator"]) == ("app.kubernetes.io/component", "In")
    named = [pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods(objects).values()]
    assert set(who["values"]) & set(named) == {"api", "light"}


def test_what_is_allowed_besides_the_internet_is_open():
    none = "networkPolicy.outgoing.cidrs=[]"
    objects = changed(none, 'config.OUTGOING_ALLOW="10.1.0.0/16, 10.2.0.3,fd00::1"')
    (rule,) = policy(objects, "to-outside")["egress"]
    assert [peer["ipBlock"]["cidr"] for peer in rule["to"]] == ["10.1.0.0/16", "10.2.0.3/32", "fd00::1/128"]
    # A rule without peers would open all.
    assert "to-outside" not in kind(changed(none), "NetworkPolicy")
    assert "networkPolicy.storage.cidrs" in refusal("--set-json=networkPolicy.storage.cidrs=[]")


def test_metrics_are_for_those_who_scrape(objects):
    (rule,) = policy(objects, "metrics")["ingress"]
    assert [port["port"] for port in rule["ports"]] == [9100, 9101]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def test_the_api_is_open_to_the_ingress_and_the_smoke_test(objects):
    (rule,) = policy(objects, "api")["ingress"]
    assert rule["ports"] == [{"port": 8000}]
    assert chosen(objects, rule["from"][1]["podSelector"]) == {"smoke-test"}
