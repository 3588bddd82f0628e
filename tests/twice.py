"""Run tests in parallel; what fails is tried once more, alone, before it counts.

`python -m tests.twice ARGUMENT...` passes its arguments to pytest. Tests of real services share a machine with each other, and a
machine that is too busy for one of them says nothing about the code. The second attempt is no secret: both are printed, and a
test that needed it should be mended. Anything but failed tests (nothing ran, an internal error, a session that does not end)
counts at once.
"""

import subprocess
import sys

PARALLEL = ("-n", "3", "--dist", "worksteal")
FAILED_TESTS = 1
PATIENCE_SECONDS = 3600


def main(arguments):
    status = pytest(*PARALLEL, *arguments)
    if status != FAILED_TESTS:
        return status
    say("some tests failed; they run once more, alone")
    return pytest("--last-failed", "--last-failed-no-failures=none", *arguments)


def pytest(*words):
    """The exit code of one session."""
    try:
        return subprocess.run([sys.executable, "-m", "pytest", *words], check=False, timeout=PATIENCE_SECONDS).returncode
    except subprocess.TimeoutExpired:
        say(f"the session did not end within {PATIENCE_SECONDS} seconds")
        return 124


def say(text):
    sys.stdout.write(f"[twice] {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
