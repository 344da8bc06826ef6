"""Print the OpenAPI document: `python -m infra.openapi > frontend/openapi.json`.

It is made from the app's own routes and models, so that the pages' types can be generated without
a server running. What the settings say does not matter to it.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Import the app and print what it answers, as JSON with a final newline."""
    sys.path.insert(0, str(ROOT))
    from app import app  # noqa: PLC0415 - found beside this folder, not installed
    from chalicelib.api.openapi import document  # noqa: PLC0415

    json.dump(document(app), sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
