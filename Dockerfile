# One image runs every part of the distributed engine: topics, workers, the live page, the boards for Grafana.
# What it depends on is locked by hash; our own code is copied in as it is. It runs as nobody in particular.

FROM python:3.11.13-slim-bookworm AS dependencies
COPY requirements.lock /tmp/requirements.lock
RUN python -m venv /opt/tocsin \
    && /opt/tocsin/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /tmp/requirements.lock

FROM python:3.11.13-slim-bookworm
COPY --from=dependencies /opt/tocsin /opt/tocsin
WORKDIR /app
COPY schemas schemas
COPY clinical clinical
COPY streams streams
COPY dashboards dashboards
COPY protocols protocols
COPY tocsin tocsin
COPY LICENSE LICENSE
ENV PATH=/opt/tocsin/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --home-dir /var/lib/tocsin --create-home tocsin \
    && install -d -o tocsin /boards
USER 10001
VOLUME ["/var/lib/tocsin"]
ENTRYPOINT ["python", "-m", "tocsin"]
CMD ["--help"]
