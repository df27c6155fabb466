"""Which pages there are, in the rail's order. A page whose module is not there is simply not in the rail."""

from __future__ import annotations

import importlib
import importlib.util

from facestudio.app.page import Page

# The order of the work. KEY means facestudio.app.pages.KEY.page with a class KeyPage.
KEYS = ("library", "capture", "head", "export", "compare", "rig", "settings")


def page_classes() -> tuple[type[Page], ...]:
    """The classes of all pages that exist. Importing them must be quick: the rail shows their names before the first paint."""
    found = []
    for key in KEYS:
        package = f"facestudio.app.pages.{key}"
        if importlib.util.find_spec(package) and importlib.util.find_spec(f"{package}.page"):
            found.append(getattr(importlib.import_module(f"{package}.page"), f"{key.capitalize()}Page"))
    return tuple(found)
