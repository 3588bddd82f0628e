"""What kernels that tests start are given."""

import os


def kernel_environment(**variables):
    """This process's environment without the variable at which ipykernel stops watching descriptors."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"} | variables
