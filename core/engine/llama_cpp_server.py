"""Opens llama.cpp's server in this process, through `xllamacpp`."""

from typing import Any


def open_server(parameters: Any) -> Any:
    """The `xllamacpp.Server` of these parameters, once its loop runs. Raises RuntimeError when the model cannot be loaded.

    The package returns before that: a server that is closed until then loses the call that ends its loop, and its
    destructor waits for ever. So a first task is given to it, which the loop must answer.
    """
    import xllamacpp

    parameters.endpoint_metrics = True
    server = xllamacpp.Server(parameters)
    server.handle_metrics()
    return server
