# What needs TensorFlow: the embedded model server and the trainer, on one shared layer.
#   docker build --target serving -f deploy/docker/tensorflow.Dockerfile .
#   docker build --target trainer -f deploy/docker/tensorflow.Dockerfile .
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
COPY requirements/serving.txt /tmp/serving.txt
# TensorFlow's C++ headers (350 MB) are for building programs against it; nothing here does.
RUN python3 -m venv --without-pip /opt/venv \
 && python3 -m pip --python /opt/venv/bin/python --disable-pip-version-check install \
        --quiet --no-cache-dir --only-binary :all: --require-hashes -r /tmp/serving.txt \
 && rm -rf /opt/venv/lib/python3*/site-packages/tensorflow/include

FROM ${PYTHON_IMAGE} AS tensorflow
RUN groupadd --gid 10001 digits \
 && useradd --uid 10001 --gid digits --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin digits \
 && install -d -o digits -g digits -m 750 /data \
 && install -d -o digits -g digits -m 755 /models /datasets
COPY --from=packages /opt/venv /opt/venv
WORKDIR /site
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/site \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TF_CPP_MIN_LOG_LEVEL=2

FROM tensorflow AS serving
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip*
COPY serving serving
RUN python -m compileall -q serving \
 && printf '#!/bin/sh\nexec python -m serving.server "$@"\n' >/usr/local/bin/tensorflow_model_server \
 && chmod 755 /usr/local/bin/tensorflow_model_server
# Without a GPU to look for, TensorFlow does not report at every start that there is none.
ENV CUDA_VISIBLE_DEVICES=-1
USER digits
EXPOSE 8501
# The name and the flags of TensorFlow Serving's program, which it replaces.
ENTRYPOINT ["tensorflow_model_server"]

FROM tensorflow AS trainer
COPY requirements/training.txt requirements/web.txt /tmp/
# With the site's packages as well: a new version is published by `manage.py models publish`,
# which adds it to the history. The environment has no pip, so the image's own is used.
RUN PATH=${PATH#/opt/venv/bin:} \
 && for part in training web; do \
        python3 -m pip --python /opt/venv/bin/python --disable-pip-version-check install \
            --quiet --no-cache-dir --only-binary :all: --require-hashes -r /tmp/$part.txt || exit 1; \
    done \
 && rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip* \
 && install -d -o digits -g digits /site/var
ENV DJANGO_SETTINGS_MODULE=webui.settings \
    MODELS_DIR=/models \
    KERAS_HOME=/site/var/keras \
    MPLCONFIGDIR=/tmp/matplotlib
COPY manage.py export_savedmodel.py ./
COPY deploy/docker/trainer.py deploy/docker/
COPY serving serving
COPY training training
COPY webui webui
USER digits
ENTRYPOINT ["python", "deploy/docker/trainer.py"]
