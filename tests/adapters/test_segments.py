"""Lines in a shared folder: appended, or in closed files, and followed while they come."""

import os
import signal
import subprocess
import sys
import time

import pytest

from convsim_nb.adapters.segments import Follower, lines_in, segments, takes_append
from tests.volume import volume


@pytest.fixture(params=["append", "segments"])
def folder(request, tmp_path):
    """A folder of either kind; `append` says which."""
    place = tmp_path if request.param == "append" else volume(tmp_path / "volume")
    return place / "lines", request.param == "append"


def test_it_is_found_out_whether_a_folder_takes_appending(tmp_path):
    """By trying, and nothing stays behind."""
    here, there = tmp_path / "disk", volume(tmp_path / "volume")

    assert [takes_append(here), takes_append(there)] == [True, False]
    assert [*here.iterdir(), *there.iterdir()] == []


def test_what_is_written_is_read_once_and_in_order(folder):
    """Also while it is still being written, and after the writer has closed."""
    where, append = folder
    follower, read = Follower(where), []
    writer = lines_in(where, append=append)
    for number in range(200):
        writer.write(f"line {number}")
        if number % 50 == 0:
            read.extend(follower.new())
            time.sleep(0.15)
    writer.close()
    read.extend(follower.new())

    assert read == [f"line {number}".encode() for number in range(200)]
    assert follower.new() == []
    assert len(segments(where)) == 1 if append else len(segments(where)) > 1


def test_half_a_line_is_left_until_it_is_whole(tmp_path):
    """A reader that comes in the middle of a write gives nothing that is not there."""
    path, follower = tmp_path / "000001.jsonl", Follower(tmp_path)
    path.write_text("one\ntw")
    first = follower.new()
    path.write_text("one\ntwo\n")

    assert [first, follower.new()] == [[b"one"], [b"two"]]


def test_a_folder_that_fails_for_a_while_loses_nothing(tmp_path):
    """Segments wait until it is there again; nothing is written twice."""
    where = tmp_path / "lines"
    writer = lines_in(where, append=False)
    where.rename(tmp_path / "away")
    writer.write("one")
    time.sleep(0.7)
    writer.write("two")
    (tmp_path / "away").rename(where)
    writer.close()

    assert Follower(where).new() == [b"one", b"two"]


def test_a_folder_that_is_gone_at_the_end_is_said(tmp_path):
    """What could not be written is an error of the close, not silence."""
    where = tmp_path / "lines"
    writer = lines_in(where, append=False)
    where.rmdir()
    writer.write("one")
    with pytest.raises(OSError, match="No such file"):
        writer.close()


KILLED = """
import sys, time
from pathlib import Path
from convsim_nb.adapters.segments import lines_in
writer = lines_in(Path(sys.argv[1]), append=sys.argv[2] == "True")
number = 0
while True:
    writer.write(f"line {number}")
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
    time.sleep(0.01)
"""


@pytest.mark.parametrize("append", [True, False])
def test_kill_9_loses_nothing_that_was_appended_and_half_a_second_of_segments(tmp_path, append):
    """What is promised of a killed worker, both ways."""
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), str(append)], stdout=subprocess.PIPE) as child:
        told = [int(child.stdout.readline()) for _ in range(120)]
        os.kill(child.pid, signal.SIGKILL)
        told.extend(int(line) for line in child.stdout.read().split())
    read = Follower(tmp_path).new()

    assert read == [f"line {number}".encode() for number in range(len(read))]
    assert len(read) >= len(told) - (0 if append else 100)
