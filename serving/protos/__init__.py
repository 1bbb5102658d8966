"""Generated messages of TensorFlow's and TensorFlow Serving's files; see the `.proto` files."""
