# The service as an image: docs/how-to/docker.md says how it is built and run.
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
# An environment that is copied as a whole. Nobody installs anything into it later, and
# the tests of other packages are a fifteenth of it.
RUN python -m venv /opt/regard \
    && /opt/regard/bin/python -m pip install --no-cache-dir -c constraints.txt ".[serve]" \
    && /opt/regard/bin/python -m pip uninstall --yes pip \
    && find /opt/regard -type d \( -name tests -o -name test \) -prune -exec rm -rf {} + \
    && /opt/regard/bin/python -c "import regard.serve"

FROM python:${PYTHON}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="regard" \
    org.opencontainers.image.description="Trained models with attention behind HTTP" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.source="https://github.com/regard-attention/regard" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
# The root file system may be read-only: what is written goes to /cache and /tmp.
RUN groupadd --gid 10001 regard \
    && useradd --uid 10001 --gid 10001 --no-create-home --no-log-init \
        --home-dir /cache --shell /usr/sbin/nologin regard \
    && install -d -o 10001 -g 10001 /cache
COPY --from=build /opt/regard /opt/regard
ENV PATH=/opt/regard/bin:$PATH \
    KERAS_BACKEND=jax \
    KERAS_HOME=/cache/keras \
    XDG_CACHE_HOME=/cache \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /models
VOLUME /cache
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["regard", "serve", "--host", "0.0.0.0"]
