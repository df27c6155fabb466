"""The settings file: what is chosen comes back, what is damaged is kept aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from facestudio.app.settings import SCHEMA, Settings, SettingsStore, as_toml, parse


def test_what_was_chosen_is_there_at_the_next_start(tmp_path: Path) -> None:
    heard: list[Settings] = []
    store = SettingsStore(tmp_path)
    store.changed.connect(heard.append)
    store.update(theme="light", library='/tmp/a "b" \\ c ü', texture_size=4096)
    assert SettingsStore(tmp_path).value == store.value == heard[-1]
    assert store.value.theme == "light"


@pytest.mark.parametrize("damage", [b"theme = ", b"\xff\xfe\x00", b"schema = 999\n", b"schema = 'new'\n"])
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
