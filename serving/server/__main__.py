"""The command `python -m serving.server`, with tensorflow_model_server's flags."""

import logging
import os
import sys


def main(arguments: list[str]) -> int:
    """Run a server until it is stopped; return the exit status."""
    # TensorFlow reads these when it is imported: no informational logs, no search for a GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

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
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # no deprecation warnings
    import tensorflow as tf

    if flags.version:
        sys.stdout.write(
            f"TensorFlow ModelServer: embedded\nTensorFlow Library: {tf.version.VERSION}\n"
        )
        return 0

    from serving.server.model_server import ModelServer
    from serving.server.repeated_messages import log_polls_once
    from serving.server.status import StatusError

    log_polls_once()
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
    # Exit without waiting for threads that are in TensorFlow or sleep between retries.
    os._exit(status)
