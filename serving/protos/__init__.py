"""Generated messages of TensorFlow Serving's text files; see `serving_config.proto`."""
