"""Gradio's sketch interface over the bundled model; nothing is recorded.

python benchmarks/bench/peers/gradio_sketch.py PORT MODEL_DIRECTORY
"""

import sys

import gradio
import numpy as np
import tensorflow as tf

port, model = int(sys.argv[1]), sys.argv[2]
signature = tf.saved_model.load(model).signatures["serving_default"]


def read(sketch: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the probability of each digit, as Gradio's label component takes them."""
    picture = (
        tf.image.resize(255.0 - sketch["composite"][..., None], (28, 28), antialias=True) / 255
    )
    probabilities = signature(image=picture[None])["probabilities"].numpy()[0]
    return {str(digit): float(probability) for digit, probability in enumerate(probabilities)}


with gradio.Blocks() as demo:
    sketch, label = gradio.Sketchpad(type="numpy", image_mode="L"), gradio.Label()
    # Without the queue a client needs one request a drawing, as at the site.
    gradio.Button("predict").click(read, sketch, label, api_name="read", queue=False)
demo.launch(server_name="127.0.0.1", server_port=port, quiet=True, show_error=True)
