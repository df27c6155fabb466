"""The settings file: what is chosen comes back, what is damaged is kept aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facestudio.app import settings as module
from facestudio.app.settings import MIGRATIONS, SCHEMA, NewerSettings, Settings, SettingsStore, as_toml, migrated, parse


def test_what_was_chosen_is_there_at_the_next_start(tmp_path: Path) -> None:
    heard: list[Settings] = []
    store = SettingsStore(tmp_path)
    store.changed.connect(heard.append)
    store.update(theme="light", library='/tmp/a "b" \\ c ü', texture_size=4096)
    assert SettingsStore(tmp_path).value == store.value == heard[-1]
    assert store.value.theme == "light"


@pytest.mark.parametrize("damage", [b"theme = ", b"\xff\xfe\x00", b"schema = 0\n", b"schema = true\n", b"schema = 'new'\n"])
def test_a_file_that_cannot_be_read_is_kept_aside(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "settings.toml").write_bytes(damage)
    store = SettingsStore(tmp_path)
    assert store.value == Settings()
    assert store.kept_aside == tmp_path / "settings.damaged.toml"
    assert store.kept_aside.read_bytes() == damage


def test_unknown_keys_and_values_out_of_range_do_not_matter() -> None:
    text = as_toml(Settings(theme="dark")) + "future = 1\n[table]\nx = 2\n"
    assert parse(text.replace('quality = "standard"', 'quality = "best"').replace("2048", '"large"')) == Settings(theme="dark")


def test_the_file_says_which_schema_it_is() -> None:
    assert f"schema = {SCHEMA}\n" in as_toml(Settings())


def test_a_disk_that_refuses_changes_nothing(tmp_path: Path) -> None:
    from facestudio.errors import OutputError

    (tmp_path / "file").touch()
    store = SettingsStore(tmp_path / "file")
    with pytest.raises(OutputError):
        store.update(theme="light")
    assert store.value.theme == "system"


def test_the_library_folder_can_be_overridden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FACESTUDIO_LIBRARY", str(tmp_path))
    assert Settings(library="/elsewhere").library_folder == tmp_path


def test_every_schema_there_was_has_a_step_to_the_next() -> None:
    assert set(MIGRATIONS) == set(range(1, SCHEMA))


def _first_to_second(values: dict[str, Any]) -> dict[str, Any]:
    return {("theme" if key == "colours" else key): value for key, value in values.items()}


def _second_to_third(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"texture_size": int(values["texture"].removesuffix("k")) * 1024}


STEPS = {1: _first_to_second, 2: _second_to_third}


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        (1, {"colours": "dark", "texture": "4k"}),
        (2, {"theme": "dark", "texture": "4k"}),
        (3, {"theme": "dark", "texture_size": 4096}),
    ],
)
def test_a_file_of_any_earlier_schema_goes_through_all_steps_after_it(schema: int, values: dict[str, Any]) -> None:
    now = migrated(values, schema, 3, STEPS)
    assert (now["theme"], now["texture_size"]) == ("dark", 4096)


def test_a_step_that_a_strange_file_breaks_is_a_file_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="schema 2"):
        migrated({"theme": "dark"}, 2, 3, STEPS)


def test_a_schema_without_a_step_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="schema 1"):
        migrated({}, 1, 3, {2: _second_to_third})


@pytest.fixture
def third(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program whose settings have been changed twice since the first."""
    monkeypatch.setattr(module, "SCHEMA", 3)
    monkeypatch.setattr(module, "MIGRATIONS", STEPS)
    monkeypatch.setattr(module.migrated, "__defaults__", (3, None))


@pytest.mark.usefixtures("third")
@pytest.mark.parametrize("head", ["schema = 1\n", ""])
def test_an_older_file_is_migrated_and_kept_as_it_was(tmp_path: Path, head: str) -> None:
    old = head + 'colours = "dark"\ntexture = "4k"\nlanguage = "de"\n'
    (tmp_path / "settings.toml").write_text(old)
    store = SettingsStore(tmp_path)
    assert store.value == Settings(theme="dark", texture_size=4096, language="de")
    assert store.kept_aside is None
    store.update(theme="light")
    assert "schema = 3" in (tmp_path / "settings.toml").read_text()
    assert (tmp_path / "settings.schema-1.toml").read_text() == old


def test_what_a_newer_program_wrote_is_kept_and_never_overwritten(tmp_path: Path) -> None:
    for number, name in enumerate(("settings.newer.toml", "settings.newer-2.toml")):
        newer = f'schema = {SCHEMA + 1}\nnumber = {number}\ntheme = "dark"\n'
        (tmp_path / "settings.toml").write_text(newer)
        store = SettingsStore(tmp_path)
        assert store.value == Settings()
        assert store.kept_aside == tmp_path / name
        store.update(theme="light")
        assert store.kept_aside.read_text() == newer
    with pytest.raises(NewerSettings):
        parse(f"schema = {SCHEMA + 1}\n")
