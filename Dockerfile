# docker build --tag ovstore .
# docker run --rm --volume "$PWD/scans:/scans:ro" --volume ovstore:/data ovstore ingest scannet /scans
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN python -m pip wheel --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
# Which extras are installed; for example EXTRAS=torch,fast,faiss-cpu with a PostgreSQL server of your own.
ARG EXTRAS=all
COPY --from=build /wheels /wheels
COPY constraints.txt /wheels/
RUN python -m pip install --no-cache-dir --constraint /wheels/constraints.txt "$(echo /wheels/*.whl)[$EXTRAS]"
RUN useradd --create-home --uid 1000 ovstore && install --directory --owner ovstore --group ovstore --mode 700 /data
USER ovstore
ENV OVSTORE_HOME=/data/store
WORKDIR /data
VOLUME /data
ENTRYPOINT ["ovstore"]
CMD ["--help"]
