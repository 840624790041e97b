"""The production compose files, checked as text: what runs, as whom, and what may be reached."""

import re
from dataclasses import replace
from typing import Any

import pytest
import yaml

from launch.programs import app_programs
from launch.settings import ROOT, Settings

COMPOSE = ROOT / "compose"
SERVERS = {"postgres", "redis", "nginx"}


MOST_SHARDS = 4


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load((COMPOSE / "docker-compose.yml").read_text())
    return dict(found["services"])


def test_every_process_of_the_table_is_a_service(services: dict[str, dict[str, Any]], settings: Settings) -> None:
    assert {program.name for program in app_programs(settings)} <= set(services)


def test_every_celery_process_is_started_with_the_same_words(
    services: dict[str, dict[str, Any]], settings: Settings
) -> None:
    programs = app_programs(replace(settings, shards=MOST_SHARDS))
    started = [program for program in programs if "config.start" in program.argv]
    assert len(started) == 4 + MOST_SHARDS + len(["beat"])
    for program in started:
        assert tuple(services[program.name]["command"]) == ("python", *program.argv[1:])
        environ = services[program.name]["environment"]
        assert environ["VAYDA_PROCESS"] == program.name
        assert environ.get("VAYDA_SHARD") == program.environ.get("VAYDA_SHARD")


def test_each_profile_starts_as_many_shards_as_it_says(services: dict[str, dict[str, Any]]) -> None:
    execution = {name: service for name, service in services.items() if name.startswith("execution-")}
    for count in (2, MOST_SHARDS):
        started = [
            name
            for name, service in execution.items()
            if "profiles" not in service or f"shards-{count}" in service["profiles"]
        ]
        assert started == [f"execution-{shard}" for shard in range(count)]


def test_another_machine_serves_the_shard_one_setting_names(services: dict[str, dict[str, Any]]) -> None:
    (service,) = yaml.safe_load((COMPOSE / "execution.yml").read_text())["services"].values()
    here = services["execution-0"]
    for key in ("read_only", "user", "cap_drop", "security_opt", "stop_grace_period", "healthcheck"):
        assert service[key] == here[key]
    assert "ports" not in service
    text = [part.replace("${SHARD:?}", "0") for part in service["command"]]
    assert text == here["command"]
    assert (service["environment"]["VAYDA_PROCESS"], service["environment"]["VAYDA_SHARD"]) == (
        "execution-${SHARD:?}",
        "${SHARD:?}",
    )


def test_rabbitmq_never_starts_by_itself_and_keeps_its_queues(services: dict[str, dict[str, Any]]) -> None:
    rabbitmq = services["rabbitmq"]
    assert rabbitmq["profiles"] == ["rabbitmq"]
    assert rabbitmq["networks"] == ["inside"]
    assert "rabbitmq:/var/lib/rabbitmq" in rabbitmq["volumes"]
    assert rabbitmq["hostname"]  # its directory is named after it
    assert all("rabbitmq" not in service.get("depends_on", {}) for service in services.values())


def test_celerys_broker_is_redis_unless_given_for_every_process_that_talks_to_it(
    services: dict[str, dict[str, Any]],
) -> None:
    default = "${CELERY_BROKER_URL:-redis://:${REDIS_PASSWORD:?}@redis:6379/0}"
    for name in ("web", "beat", "flower", "execution-0", "execution-3", "jobs"):
        assert services[name]["environment"]["CELERY_BROKER_URL"] == default


def test_nothing_but_nginx_has_a_port(services: dict[str, dict[str, Any]]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]


def test_every_container_is_read_only_unprivileged_and_checked(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert not str(service["user"]).startswith("0"), name
        assert service["cap_drop"] == ["ALL"], name
        assert "healthcheck" in service or name == "migrate", name


def test_the_simulator_never_starts_by_itself(services: dict[str, dict[str, Any]]) -> None:
    assert services["simulator"]["profiles"] == ["demo"]


def test_the_databases_are_in_no_network_with_a_way_out(services: dict[str, dict[str, Any]]) -> None:
    compose = yaml.safe_load((COMPOSE / "docker-compose.yml").read_text())
    assert compose["networks"]["inside"]["internal"] is True
    assert services["postgres"]["networks"] == services["redis"]["networks"] == ["inside"]


def test_every_variable_that_must_be_given_is_in_the_example_and_empty_there_if_secret() -> None:
    needed = set(re.findall(r"\$\{(\w+):\?\}", (COMPOSE / "docker-compose.yml").read_text()))
    lines = (COMPOSE / ".env.example").read_text().splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert needed <= set(example)
    assert [name for name in needed - {"HOST"} if example[name]] == []


def test_the_product_runs_on_its_production_settings(services: dict[str, dict[str, Any]]) -> None:
    assert services["web"]["environment"]["DJANGO_SETTINGS_MODULE"] == "config.settings.production"


def test_the_image_is_built_from_the_hashed_lock_and_is_not_root() -> None:
    dockerfile = (COMPOSE / "Dockerfile").read_text()
    assert "--require-hashes -r requirements/base.txt" in dockerfile
    assert dockerfile.rindex("USER 10001") > dockerfile.rindex("RUN ")


def test_nginx_limits_webhooks_and_keeps_their_tokens_out_of_its_log() -> None:
    config = (COMPOSE / "nginx.conf").read_text()
    hooks = config[config.index("location /hooks/") : config.index("location /ws/")]
    assert "limit_req zone=hooks" in hooks
    logged = config[config.index("log_format redacted") : config.index("access_log /dev/stdout")]
    assert not re.search(r"\$(request_uri|request|uri|args|query_string|http_)\b", logged)
    assert config.count("{") == config.count("}")
