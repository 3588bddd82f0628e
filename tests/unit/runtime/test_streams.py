"""Text of threads is never lost, whenever it comes."""

import threading

from nbcompile.runtime.recorder import NO_CELL, Recorder
from nbcompile.runtime.streams import OutStream


class Noted:
    """A journal that remembers the texts of cells."""

    def __init__(self):
        self.texts = []

    def stream(self, cell, name, text):
        self.texts.append((cell, name, text))


def in_thread(action):
    thread = threading.Thread(target=action)
    thread.start()
    thread.join(60)


def test_what_a_thread_writes_while_no_cell_runs_is_of_the_last_one():
    journal = Noted()
    recorder = Recorder(journal)
    stream = OutStream("stderr", recorder, None)
    in_thread(lambda: stream.write("before any cell"))
    stream.flush()
    recorder.cell = 2
    recorder.muted += 1
    in_thread(lambda: stream.write("while objects are looked at\n"))
    stream.write("what looking at them writes\n")
    stream.flush()
    recorder.muted -= 1
    recorder.cell = NO_CELL
    stream.write("between cells, by ourselves\n")
    in_thread(lambda: stream.write("between cells\n"))
    stream.flush()
    recorder.cell = 3
    stream.write("by the cell\n")
    in_thread(lambda: stream.write("by its thread\n"))
    stream.flush()
    assert journal.texts == [
        (2, "stderr", "while objects are looked at\n"),
        (2, "stderr", "between cells\n"),
        (3, "stderr", "by the cell\nby its thread\n"),
    ]
