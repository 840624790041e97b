"""White-label packs."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.dashboard.brands import BadBrand, Brand, brands_dir, is_slug, load_brand, read_brand
from apps.dashboard.checks import check_brand


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    """A copy of the default pack to break."""
    return Path(shutil.copytree(brands_dir() / "vayda", tmp_path / "copy"))


def test_the_default_pack_is_complete() -> None:
    brand = load_brand("vayda")
    assert isinstance(brand, Brand)
    assert brand.name == "Vayda"
    assert brand.risk.version
    assert {document.slug for document in brand.documents} == {"terms", "privacy"}


@pytest.mark.parametrize("name", ["brand.toml", "theme.css", "logo.svg", "legal/risk-disclosure.md"])
def test_a_missing_file_is_named(pack: Path, name: str) -> None:
    (pack / name).unlink()
    with pytest.raises(BadBrand, match=name):
        read_brand(pack)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "Vayda"', "", "'name'"),
        ('name = "Vayda"', "name = 7", "'name'"),
        ('light = "#f6f7f9"', 'light = "white; } body { display: none"', "'light'"),
        ("[risk]", "[peril]", "risk"),
        ('file = "legal/terms.md"', 'file = "../../../config/settings/base.py"', "outside"),
        ('name = "Vayda"', 'name = "Vay', "TOML"),
    ],
)
def test_a_malformed_field_is_named(pack: Path, old: str, new: str, named: str) -> None:
    toml = pack / "brand.toml"
    toml.write_text(toml.read_text().replace(old, new, 1))
    with pytest.raises(BadBrand, match=named):
        read_brand(pack)


@pytest.mark.parametrize(
    "body",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"/>',
        '<svg><image href="https://elsewhere.example/x.png"/></svg>',
        "<svg><foreignObject/></svg>",
    ],
)
def test_a_logo_that_could_do_something_is_refused(pack: Path, body: str) -> None:
    (pack / "logo.svg").write_text(body)
    with pytest.raises(BadBrand, match=r"logo\.svg"):
        read_brand(pack)


@pytest.mark.parametrize("body", ['@import "x";', ":root { --a: url(https://elsewhere.example) }", "</style><script>"])
def test_a_theme_that_loads_something_is_refused(pack: Path, body: str) -> None:
    (pack / "theme.css").write_text(body)
    with pytest.raises(BadBrand, match=r"theme\.css"):
        read_brand(pack)


@pytest.mark.parametrize("slug", ["", "..", "../vayda", "Vayda", "a/b", "-a", "a" * 41, "vayda\n"])
def test_a_slug_never_leaves_the_folder(slug: str) -> None:
    assert not is_slug(slug)
    with pytest.raises(BadBrand):
        load_brand(slug)


def test_starting_with_an_unknown_brand_is_a_clear_error(settings: Any) -> None:
    settings.BRAND = "nobody"
    (error,) = check_brand(None)
    assert error.id == "dashboard.E001"
    assert "nobody" in error.msg
    settings.BRAND = "vayda"
    assert check_brand(None) == []


@pytest.mark.parametrize(
    ("path", "kind"), [("/brand/vayda.css", "text/css"), ("/brand/vayda/logo.svg", "image/svg+xml")]
)
def test_the_stylesheet_and_the_logo_are_cached_by_etag(path: str, kind: str) -> None:
    first = Client().get(path)
    assert first.status_code == 200
    assert first["Content-Type"].startswith(kind)
    again = Client().get(path, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("slug", ["nobody", "..%2F..", "vayda%00"])
def test_an_unknown_brand_has_no_stylesheet(slug: str) -> None:
    assert Client().get(f"/brand/{slug}.css").status_code == 404


def test_the_name_is_the_brands_alone() -> None:
    root = Path(__file__).resolve().parents[3]
    files = [*(root / "templates").rglob("*.html"), *(root / "apps" / "dashboard").rglob("*.js")]
    assert [path.name for path in files if "vayda" in path.read_text().lower()] == []
