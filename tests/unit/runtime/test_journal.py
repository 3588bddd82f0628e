"""Events reach those who follow, whatever the cells do to the descriptors."""

import json
import os

from nbcompile.runtime.journal import Journal, JournalReader
from nbcompile.runtime.recorder import Recorder


def test_events_go_where_the_descriptor_led_at_first(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    descriptor, other = (os.open(path, os.O_WRONLY | os.O_CREAT) for path in (first, second))
    journal = Journal(str(tmp_path / "journal"), (descriptor,))
    os.dup2(other, descriptor)
    journal.stream(0, "stdout", "hello")
    journal.close()
    os.close(descriptor)
    os.close(other)
    assert json.loads(first.read_text())["text"] == "hello"
    assert second.read_text() == ""


def test_a_step_goes_on_when_nobody_follows_any_more(tmp_path):
    read_end, write_end = os.pipe()
    journal = Journal(str(tmp_path / "journal"), (write_end,))
    os.close(read_end)
    os.close(write_end)
    for _ in range(2):
        journal.stream(0, "stdout", "hello")
    journal.close()
    assert (tmp_path / "journal").read_text().count("hello") == 2


def test_what_is_shown_while_no_cell_runs_belongs_to_none(tmp_path):
    journal = Journal(str(tmp_path / "journal"))
    recorder = Recorder(journal)
    recorder.display({"text/plain": "loaded"}, {}, {"display_id": "bar"})
    recorder.display({"text/plain": "loaded"}, {}, {"display_id": "bar"}, update=True)
    recorder.clear(wait=False)
    journal.close()
    assert JournalReader(journal.path).cells == {}
