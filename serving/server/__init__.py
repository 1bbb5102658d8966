"""The embedded model server: TensorFlow Serving's REST API and flags, without its container.

`python -m serving.server --rest_api_port=8501 --model_name=digits --model_base_path=/models/digits`

It is made to be exchanged for tensorflow_model_server 2.20 at any time: same paths, same JSON
dialect, same messages, same order of loading and unloading. Where it differs, it does so on
purpose:

* Rank and dimensions of an input are checked against the signature: 400 with a message that
  names both. TensorFlow Serving does not look; a wrong rank can end its process.
* No gRPC. `--port` is accepted (the container's entrypoint sets it) and nothing listens there;
  so `--rest_api_port` is required. Flags that only concern gRPC, TensorFlow Lite, XLA or GPUs
  are refused by name. `--rest_api_bind_address` is this server's own.
* `--name value` is understood beside `--name=value`.
* Requests of different shapes never spoil each other's batch: with batching they run apart,
  where TensorFlow Serving fails all of them unless padding is on.
* A client that stalls in the middle of a request is dropped after 50 seconds, an idle one
  after 300; a body over 1 GiB is 413; headers over 256 KiB are 400.
* A tensor may have at most 64 dimensions (NumPy's limit; TensorFlow's own is 254).

Layers, from the wire inwards: `http` (connections and routes), `json` (requests and responses),
`runtime` (worker threads, batching, SavedModels, warm-up) and `versions` (source, manager,
state monitor, server core).
Nothing here imports the web site.
"""
