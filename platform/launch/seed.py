"""`make seed`: the demo data once more into the running installation."""

from __future__ import annotations

from datetime import UTC, datetime

from launch import prepare, run, screen, supervise
from launch.prepare import Manage
from launch.settings import Settings


def seed(settings: Settings) -> int:
    """Seed again and rewrite demo.json; raises NotRunning, PreparationFailed."""
    supervise.states(settings)
    plan = run.plan_for(settings)
    prepare.forget_seed(settings)
    output = settings.state_dir / screen.SEED_FILE
    prepare.seed(Manage(settings, plan.environ), output=output, today=datetime.now(UTC).date())
    screen.write_demo(settings, flower_auth=plan.secrets["FLOWER_AUTH"])
    print(f"Seeded; the logins are in {settings.state_dir / screen.DEMO_FILE}.")
    return 0
