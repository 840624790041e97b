"""What is committed under ``static/dist`` is what its sources make, and is all a page needs."""

import re
import subprocess
from pathlib import Path

import pytest
from django.test import Client

ROOT = Path(__file__).resolve().parents[3]
DIST = ROOT / "static" / "dist"
BIN = ROOT / "node_modules" / ".bin"


def build(program: str, *arguments: str) -> None:
    if not (BIN / program).exists():
        pytest.skip(f"{program} is not installed (npm ci); the committed files are used as they are")
    subprocess.run([str(BIN / program), *arguments], cwd=ROOT, check=True, capture_output=True)


def test_the_stylesheet_is_what_its_sources_make(tmp_path: Path) -> None:
    fresh = tmp_path / "app.css"
    build("tailwindcss", "-i", "apps/dashboard/frontend/app.css", "-o", str(fresh), "--minify")
    assert fresh.read_bytes() == (DIST / "app.css").read_bytes()


def test_the_script_is_what_its_sources_make(tmp_path: Path) -> None:
    fresh = tmp_path / "app.js"
    options = ("--bundle", "--format=esm", "--target=es2022", "--minify", f"--outfile={fresh}")
    build("esbuild", "apps/dashboard/frontend/js/app.js", *options)
    assert fresh.read_bytes() == (DIST / "app.js").read_bytes()


def test_nothing_is_loaded_from_elsewhere() -> None:
    for path in (DIST / "app.css", DIST / "app.js"):
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", path.read_text()))
        assert addresses <= {"http://www.w3.org", "//www.w3.org", "https://tailwindcss.com"}, path.name


def test_every_icon_a_template_asks_for_is_in_the_sprite() -> None:
    templates = (path.read_text() for path in (ROOT / "templates" / "dashboard").rglob("*.html"))
    asked = {name for text in templates for name in re.findall(r'{% icon "([a-z0-9-]+)"', text)}
    there = set(re.findall(r'<symbol id="([a-z0-9-]+)"', (DIST / "icons.svg").read_text()))
    assert asked
    assert asked <= there


def test_licences_of_what_is_shipped_are_shipped() -> None:
    text = (DIST / "LICENSES.txt").read_text()
    for name in ("htmx", "idiomorph", "Inter", "Lucide", "daisyUI", "Tailwind CSS"):
        assert f"\n{name}\n" in text


def test_a_page_that_is_not_there_says_so_plainly() -> None:
    answer = Client().get("/nowhere/")
    assert answer.status_code == 404
    assert "not yours to see" in answer.content.decode()
