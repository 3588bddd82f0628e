"""The services by hand: `python -m tests.services up|down`."""

from __future__ import annotations

import sys

from tests.services import facility
from tests.services.ground import ServiceError


def main(argv: list[str]) -> int:
    """Run one command."""
    try:
        match argv:
            case ["up"]:
                facility.up(with_slurm=True, keep=True)
                sys.stdout.write(facility.description())
            case ["up", "ssh"]:
                facility.up(with_slurm=False, keep=True)
                sys.stdout.write(facility.description())
            case ["down"]:
                facility.down()
            case _:
                sys.stderr.write((__doc__ or "") + "\n")
                return 2
    except ServiceError as error:
        sys.stderr.write(f"services: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
