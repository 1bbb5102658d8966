"""The embedded model server: TensorFlow Serving's REST API and flags without its container.

`python -m serving.server --rest_api_port=8501 --model_name=digits --model_base_path=/models/digits`

It can replace tensorflow_model_server 2.20 at any time: the paths, the JSON dialect, the
messages, and the order of loading and unloading are the same. The intended differences:

* Rank and dimensions of an input are checked against the signature; the error is a 400 that
  names both. TensorFlow Serving has no such check, and a wrong rank can end its process.
* There is no gRPC. `--port` is accepted, because the container's entrypoint sets it, and
  ignored, so `--rest_api_port` is required. Flags that only concern gRPC, TensorFlow Lite, XLA
  or GPUs are refused by name. `--rest_api_bind_address` exists only here.
* `--name value` is accepted as well as `--name=value`.
* The warm-up checks shapes and dtypes in the same way, so a record that does not fit the
  signature fails the load. In TensorFlow Serving a wrong rank can end the process, again at each
  restart, as long as the configuration names the version.
* With batching, requests of different shapes run separately. TensorFlow Serving fails all of
  them unless padding is on.
* A client that stalls within a request is disconnected after 50 seconds, an idle one after 300;
  a body over 1 GiB is answered with 413, headers over 256 KiB with 400. TensorFlow Serving
  accepts such headers and bodies.
* A chunk of a body may have an extension (RFC 9112, 7.1.1), which is ignored; TensorFlow Serving
  answers 413.
* JSON may be nested to any depth. 100,000 levels end TensorFlow Serving's process.
* A tensor has at most 64 dimensions (NumPy's limit; TensorFlow's is 254).

Packages: `http` (connections and routes), `json` (requests and responses), `runtime` (worker
threads, batching, SavedModels and warm-up) and `versions` (source, policy, manager, state
monitor and server core).
"""
