# The site: gunicorn, Django, the preprocessing, the REST client. No TensorFlow, no compiler.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
COPY requirements/web.txt requirements/tracing.txt requirements/limits.txt /tmp/
# `tracing` adds OpenTelemetry, `limits` the client of Valkey; or both, with a space between them.
ARG EXTRA=
# The environment has no pip of its own: nothing can be installed into a running container.
# Wheels only: a package that would have to be compiled fails here, where it is seen.
RUN python3 -m venv --without-pip /opt/venv \
 && for part in web $EXTRA; do \
        python3 -m pip --python /opt/venv/bin/python --disable-pip-version-check install \
            --quiet --no-cache-dir --only-binary :all: --require-hashes -r /tmp/$part.txt || exit 1; \
    done

FROM ${PYTHON_IMAGE} AS site
WORKDIR /site
COPY manage.py ./
COPY deploy/gunicorn.conf.py deploy/
COPY deploy/docker/container.py deploy/docker/
COPY serving serving
COPY webui webui
# The embedded model server needs TensorFlow, which this image does not have.
RUN rm -rf serving/server

FROM ${PYTHON_IMAGE}
# 10001: an id that no user of the host has. A volume that is mounted at one of these for the
# first time gets the owner of that directory.
RUN groupadd --gid 10001 digits \
 && useradd --uid 10001 --gid digits --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin digits \
 && install -d -o digits -g digits -m 700 /data \
 && install -d -o digits -g digits -m 755 /models /settings \
 && rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/site-packages/setuptools* \
        /usr/local/lib/python3*/site-packages/wheel* /usr/local/bin/pip*
COPY --from=packages /opt/venv /opt/venv
WORKDIR /site
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/site \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=webui.settings \
    DATABASE_URL=sqlite:////data/site.sqlite3 \
    MODELS_DIR=/models \
    HOST=0.0.0.0 \
    PORT=8000
COPY --from=site /site /site
# This key is used in this step only; it signs nothing and is not kept in the image.
RUN python -m compileall -q serving webui deploy \
 && SECRET_KEY=only-for-collecting-static-files-while-the-image-is-built \
    python manage.py collectstatic --verbosity 0 --no-input
USER digits
EXPOSE 8000
# Which release an image holds: `RELEASE=$(git describe --tags) docker-compose build`.
ARG RELEASE=
LABEL org.opencontainers.image.version=${RELEASE}
CMD ["python", "deploy/docker/container.py", "serve"]
