"""What a start does, and what a later start may skip."""

import json
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import psycopg2
import pytest

from launch import postgres_server, prepare, testserver
from launch.places import prepare_state_dir
from launch.prepare import Manage
from launch.problems import PreparationFailed
from launch.settings import Settings

TODAY = date(2026, 11, 20)
MANAGE = """
import os, pathlib, sys
log = pathlib.Path(os.environ["STATE_DIR"]) / "called"
log.write_text((log.read_text() if log.exists() else "") + sys.argv[1] + "\\n")
if "--output" in sys.argv: pathlib.Path(sys.argv[sys.argv.index("--output") + 1]).write_text("{}")
if sys.argv[1] == "collectstatic": (pathlib.Path(os.environ["STATE_DIR"]) / "staticfiles").mkdir(exist_ok=True)
if os.environ.get("FAIL") == sys.argv[1]: sys.exit("the reason is here")
"""


@dataclass
class Checkout:
    """A checkout with a manage.py that only notes what it was asked."""

    settings: Settings
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def manage(self) -> Manage:
        return Manage(self.settings, {"STATE_DIR": str(self.settings.state_dir), **self.environ})

    def called(self) -> list[str]:
        log = self.settings.state_dir / "called"
        return log.read_text().split() if log.exists() else []

    def seed(self, today: date = TODAY) -> bool:
        return prepare.seed(self.manage, output=self.settings.state_dir / "seed.json", today=today)


@pytest.fixture
def checkout(settings: Settings, tmp_path: Path) -> Checkout:
    prepare_state_dir(settings.state_dir)
    for folder in ("requirements", "static", "apps/users/migrations", "platform", "workers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "requirements" / "base.txt").write_text("django==5.2\n")
    (tmp_path / "static" / "site.css").write_text("a {}")
    (tmp_path / "apps" / "users" / "migrations" / "0001_initial.py").write_text("first")
    (tmp_path / "manage.py").write_text(MANAGE)
    return Checkout(replace(settings, root=tmp_path))


def test_static_files_are_collected_again_only_when_one_changed(checkout: Checkout) -> None:
    prepare.start_collecting(checkout.manage)()
    prepare.start_collecting(checkout.manage)()
    assert checkout.called() == ["collectstatic"]
    (checkout.settings.root / "static" / "new.css").write_text("b {}")
    prepare.start_collecting(checkout.manage)()
    assert checkout.called() == ["collectstatic"] * 2


def test_the_demo_is_seeded_again_on_another_day_with_other_code_or_when_told(checkout: Checkout) -> None:
    assert checkout.seed()
    assert not checkout.seed()
    assert checkout.seed(date(2026, 11, 23))
    (checkout.settings.root / "apps" / "users" / "models.py").write_text("changed")
    assert checkout.seed(date(2026, 11, 23))
    prepare.forget_seed(checkout.settings)
    assert checkout.seed(date(2026, 11, 23))


def test_a_failed_command_shows_its_reason_and_is_tried_again(checkout: Checkout) -> None:
    checkout.environ["FAIL"] = "seed_demo"
    with pytest.raises(PreparationFailed, match="the reason is here"):
        checkout.seed()
    checkout.environ.clear()
    assert checkout.seed()


def test_a_torn_stamp_file_only_means_more_work(checkout: Checkout) -> None:
    checkout.seed()
    (checkout.settings.state_dir / prepare.STAMPS).write_text('{"seed": [')
    assert checkout.seed()
    assert json.loads((checkout.settings.state_dir / prepare.STAMPS).read_text())


def test_migrations_run_for_a_new_file_and_for_a_database_that_is_not_as_it_was(checkout: Checkout) -> None:
    with testserver.running() as servers:
        url = servers.database_url
        assert prepare.migrate(checkout.manage, database_url=url)
        assert postgres_server.applied_migrations(url) is None
        assert not prepare.migrate(checkout.manage, database_url=url)
        (checkout.settings.root / "apps" / "users" / "migrations" / "0002_more.py").write_text("second")
        assert prepare.migrate(checkout.manage, database_url=url)
        with psycopg2.connect(url) as connection, connection.cursor() as cursor:
            cursor.execute("create table django_migrations (id int)")
        connection.close()
        assert postgres_server.applied_migrations(url) == 0
        assert prepare.migrate(checkout.manage, database_url=url)


def test_the_seed_that_was_chosen_is_the_one_that_is_sown(checkout: Checkout) -> None:
    checkout.seed()
    replay = replace(checkout, settings=replace(checkout.settings, seed="replay"))
    assert replay.seed()
    assert replay.called() == ["seed_demo", "seed_replay"]
