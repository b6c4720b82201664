"""The published JSON schema of the card: ``python -m pyemu.emulator.schema > docs/reference/card-schema.json``."""

import json

from pyemu.emulator.card import json_schema


def main() -> None:
    """Write the schema to standard output."""
    print(json.dumps(json_schema(), indent=2))


if __name__ == "__main__":
    main()
