"""What kernels that tests start are given."""

import os

import nbclient

from nbcompile.verify.kernel_run import keep_looking


class PlainClient(nbclient.NotebookClient):
    """Runs a notebook in a kernel, and does not miss the reply to a cell."""

    async def async_start_new_kernel_client(self):
        client = await super().async_start_new_kernel_client()
        keep_looking(client.shell_channel)
        return client


def kernel_environment(**variables):
    """This process's environment without the variable at which ipykernel stops watching descriptors."""
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"} | variables
