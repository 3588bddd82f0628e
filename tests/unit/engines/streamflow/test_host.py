"""What of the person's environment steps of other machines find."""

from nbcompile.engines.streamflow.host import Hosting


def test_what_decides_the_last_digits_travels_and_nothing_else_of_the_person():
    ours = {"OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "1", "HOME": "/home/me", "TOKEN": "secret", "PATH": "/mine"}
    travelling = Hosting.travelling_variables(ours)
    assert travelling == {"PYTHONHASHSEED": "0", "OPENBLAS_CORETYPE": "Haswell", "OMP_NUM_THREADS": "1"}
