"""Scalars of a training, in TensorBoard's event files; needs the extra `train`."""

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.proto.summary_pb2 import Summary

OURS = "events.out.tfevents.*.ovstore-*"
BY_STEP = "learning_rate"  # a scalar that is told by steps; those without it are told by epochs


class EventFile:
    """One file for each start of a training; what came after the last checkpoint is taken back at the next start."""

    def __init__(self, folder: Path, step: int, epoch: int) -> None:
        """`step` steps and `epoch` epochs are done."""
        for path in folder.glob(OURS):
            os.truncate(path, _bytes_up_to(path.read_bytes(), step, epoch))
        self._writer = EventsWriter(str(folder / "events"), f".ovstore-{step:09}")

    def write(self, number: int, scalars: Mapping[str, float]) -> None:
        """Each by its tag, at a step or an epoch."""
        values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
        self._writer.write_event(Event(wall_time=time.time(), step=number, summary=Summary(value=values)))

    def flush(self) -> None:
        """Everything written is in the file."""
        self._writer.flush()

    def close(self) -> None:
        """Nothing may be written any more."""
        self._writer.close()


def read_events(content: bytes) -> Iterator[tuple[Event, int]]:
    """Each event of a file, whole ones only, and the byte after it.

    TensorFlow's records: 8 bytes of length, 4 of checksum, the event, 4 of checksum.
    """
    start = 0
    while length := int.from_bytes(content[start : start + 8], "little"):  # none in zeros, as a lost flush leaves them
        end = start + 16 + length
        if end > len(content):
            return
        try:
            yield Event.FromString(content[start + 12 : end - 4]), end
        except DecodeError:
            return
        start = end


def _bytes_up_to(content: bytes, step: int, epoch: int) -> int:
    """Events lie in order of time: the first that is too late ends the file."""
    kept = 0
    for event, end in read_events(content):
        tags = {value.tag for value in event.summary.value}
        if event.step > (step if BY_STEP in tags else epoch):
            break
        kept = end
    return kept
