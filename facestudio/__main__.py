"""`python -m facestudio`: the same as the `facestudio` command."""

from __future__ import annotations

from facestudio.cli.main import main

if __name__ == "__main__":
    main()
