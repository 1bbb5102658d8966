"""`python -m serving.server`: tensorflow_model_server's command line, embedded."""

import logging
import os
import sys


def main(arguments: list[str]) -> int:
    """Runs a server to its end; returns the exit status."""
    # Before TensorFlow is imported, which takes seconds and says much that helps nobody here.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # as the CPU image; no search for a GPU

    from serving.server.flags import FlagError, parse_flags, usage
    from serving.server.http.listener import CannotListen, bound_socket

    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(usage() + "\n")
        return 0
    try:
        flags = parse_flags(arguments)
    except FlagError as error:
        sys.stderr.write(f"{error}\n{usage()}\n")
        return 1
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname).1s %(name)s: %(message)s",
    )
    if not flags.version:
        try:
            listener = bound_socket(flags.rest_api_bind_address, flags.rest_api_port)
        except CannotListen as error:
            sys.stderr.write(f"{error}\n")
            return 1
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # its deprecations are ours to heed
    import tensorflow as tf

    if flags.version:
        sys.stdout.write(
            f"TensorFlow ModelServer: embedded\nTensorFlow Library: {tf.version.VERSION}\n"
        )
        return 0

    from serving.server.model_server import ModelServer
    from serving.server.status import StatusError

    logging.getLogger("serving.server").info(
        "This embedded server offers the REST API only; nothing listens on --port=%d", flags.port
    )
    try:
        ModelServer(flags).run(listener)
    except CannotListen as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except StatusError as error:
        sys.stderr.write(f"Failed to start server. Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    status = main(sys.argv[1:])
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads may still wait in TensorFlow or sleep between retries; nothing is left to save.
    os._exit(status)
