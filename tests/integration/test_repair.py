"""What analysis cannot know, a run finds and repairs: the results are those of a plain run, and a finding names the cell."""

import json

import nbformat
import pytest

from nbcompile import api
from nbcompile.engines.registry import find_run
from nbcompile.model.plan import Granularity
from nbcompile.model.run import RunRepaired, RunState, StepEnded
from nbcompile.model.settings import Settings

pytestmark = pytest.mark.slow

LIBRARY = """\
import itertools
_ids = itertools.count(1)
NOTHING = float("nan")
_options = {"unit": "m"}
class Sensor:
    def __init__(self):
        self.name = f"sensor {next(_ids)}"
class Reading:
    def __init__(self, values):
        self.values = values
def read(values):
    return Reading(values)
def half(x):
    return x / 2
class Log:
    lines = []
    def note(self, line):
        self.lines.append(line)
def log():
    return Log()
class Handle:
    def __init__(self, reading):
        self.reading = reading
    def put(self, value):
        self.reading.values.append(value)
    def __reduce__(self):
        raise TypeError("cannot pickle a handle")
def handle(reading):
    return Handle(reading)
_ready = False
def start():
    global _ready
    _ready = True
def ready():
    return _ready
def tell(*_):
    print("a cell has run")
def load_ipython_extension(shell):
    shell.events.register("post_run_cell", tell)
def unload_ipython_extension(shell):
    shell.events.unregister("post_run_cell", tell)
def once(x, seen=[]):
    seen.append(x)
    return seen
"""
DATABASE = """\
import sqlite3
_tables = sqlite3.connect(":memory:")
_tables.execute("create table t (x)")
def put(x):
    _tables.execute("insert into t values (?)", (x,))
def rows():
    return _tables.execute("select x from t").fetchall()
"""
# Analysis reads no module that is so long: what it does is seen only when it runs.
UNREAD = "#" * (128 << 10)


def shown(cells, directory, on_event=None):
    (directory / "sensors.py").write_text(LIBRARY + UNREAD)
    (directory / "tables.py").write_text(DATABASE + UNREAD)
    path = directory / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells]), path)
    record = api.run(path, Settings(granularity=Granularity.CELL), output=directory / "out", on_event=on_event)
    assert record.state is RunState.FINISHED
    notebook = json.loads(record.executed.read_text("utf-8"))
    texts = ["".join("".join(output["text"]) for output in cell["outputs"]) for cell in notebook["cells"]]
    return texts, {(found.rule.code, found.place.cell_index) for found in record.diagnostics}


def test_ids_that_a_library_gives_out(tmp_path):
    cells = ["from sensors import Sensor, half", "a = Sensor()", "b = Sensor()\nprint(half(4))", "print(a.name, b.name)"]
    texts, found = shown(cells, tmp_path)
    assert texts[2:] == ["2.0\n", "sensor 1 sensor 2\n"]
    assert ("NB505", 1) in found


REMEMBERED = {
    "in a list of a class": ("sensors.log().note('a')", "sensors.log().note('b')", "sensors.Log.lines", "['a', 'b']"),
    "in a truth value": ("sensors.start()", "pass", "sensors.ready()", "True"),
    "in a default": ("sensors.once(1);", "pass", "sensors.once(2)", "[1, 2]"),
    "in a database": ("tables.put(1)", "tables.put(2)", "tables.rows()", "[(1,), (2,)]"),
    "by a cell that does not name it": ("k = sensors.log()\ndef tell(k): k.note('a')", "tell(k)", "sensors.Log.lines", "['a']"),
}


@pytest.mark.parametrize("name", REMEMBERED)
def test_what_a_module_beside_the_notebook_remembers(name, tmp_path):
    *cells, expression, expected = REMEMBERED[name]
    texts, found = shown(["import sensors, tables", *cells, f"print({expression})"], tmp_path)
    assert texts[3] == expected + "\n"
    assert {code for code, _ in found} == {"NB505"}


def test_what_the_cell_that_imports_a_module_does_with_it(tmp_path):
    texts, found = shown(["import sensors\nsensors.start()", "print(sensors.ready())"], tmp_path)
    assert texts[1] == "True\n"
    assert found == {("NB505", 0)}


def test_a_file_that_is_made_executable(tmp_path):
    cells = ["open('a.sh', 'w').write('echo ran\\n');", "!chmod +x a.sh", "!./a.sh"]
    assert shown(cells, tmp_path)[0][2].strip() == "ran"


def test_nothing_is_said_of_the_loop_in_which_cells_run(tmp_path):
    logs = "import logging, sys\nlogging.basicConfig(level=10, stream=sys.stdout)"
    assert shown([logs, "logging.debug('one')"], tmp_path)[0][1] == "DEBUG:root:one\n"


def test_a_module_that_is_only_imported(tmp_path):
    texts, found = shown(["import sensors\nx = sensors.half(4)", "print(sensors.ready(), x)"], tmp_path)
    assert texts[1] == "False 2.0\n"
    assert not found


def test_looking_at_a_module_that_is_imported_warns_of_nothing(tmp_path):
    cells = ["import warnings, pandas", "warnings.simplefilter('error')\nimport sensors\nx = sensors.half(4)", "print(sensors.ready())"]
    assert shown(cells, tmp_path)[0] == ["", "", "False\n"]


def test_the_traceback_of_a_module_that_cannot_be_imported(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    cells = [
        "import traceback\ntry:\n    import broken\nexcept ZeroDivisionError:\n    print(traceback.format_exc().count('File'))",
        "pass",
    ]
    assert shown(cells, tmp_path)[0][0] == "2\n"


def test_a_part_of_a_package_that_another_import_has_loaded(tmp_path):
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "__init__.py").write_text("")
    (tmp_path / "shapes" / "round.py").write_text("sides = 0\n")
    (tmp_path / "drawing.py").write_text("import shapes.round\n")
    texts, found = shown(["import drawing", "import shapes\nprint(shapes.round.sides)"], tmp_path)
    assert texts[1] == "0\n"
    assert ("NB502", 1) in found


def test_what_a_library_keeps_of_its_arguments(tmp_path):
    cells = ["import sensors", "x = [1]", "y = sensors.read(x)", "x.append(2)", "print(y.values)"]
    texts, found = shown(cells, tmp_path)
    assert texts[4] == "[1, 2]\n"
    assert ("NB504", 2) in found


def test_what_was_given_to_an_earlier_cell_of_a_step(tmp_path):
    cells = ["import sensors\nx = sensors.read([1])", "h = sensors.handle(x)", "h.put(2)", "print(x.values)"]
    texts, found = shown(cells, tmp_path)
    assert texts[3] == "[1, 2]\n"
    assert found >= {("NB506", 2), ("NB501", 2)}


def test_what_is_advised_of_shared_objects_settles_it(tmp_path):
    cells = ["import sensors", "x = [1]", "y = sensors.read(x)  # nbc: shares=x,y", "x.append(2)  # nbc: mutates=x,y", "print(y.values)"]
    texts, found = shown(cells, tmp_path)
    assert (texts[4], found) == ("[1, 2]\n", set())


def test_magics_that_a_cell_makes(tmp_path):
    cells = [
        "from IPython.core.magic import register_line_magic\n@register_line_magic\ndef twice(line):\n    print(line * 2)",
        "x = 1",
        "%twice ab",
    ]
    texts, _ = shown(cells, tmp_path)
    assert texts[2] == "abab\n"


def test_what_an_extension_beside_the_notebook_does_around_cells(tmp_path):
    texts, found = shown(["%load_ext sensors", "x = 1", "%unload_ext sensors", "print(x)"], tmp_path)
    assert texts == ["a cell has run\n", "a cell has run\n", "", "1\n"]
    assert ("NB505", 0) in found


def test_a_notebook_may_replace_functions_that_the_runtime_needs(tmp_path):
    texts, _ = shown(["import json\njson.dumps = lambda *words, **named: 'patched'", "x = 1", "print(json.dumps(x))"], tmp_path)
    assert texts[2] == "patched\n"


def test_a_library_that_remembers_nothing_is_let_alone(tmp_path):
    texts, found = shown(["from sensors import half", "a = half(4)", "b = half(6)", "print(a, b)"], tmp_path)
    assert (texts[3], found) == ("2.0 3.0\n", set())


def test_what_had_finished_before_a_repair_is_not_done_again(tmp_path):
    (tmp_path / "beside").mkdir()
    log, events = tmp_path / "log.txt", []
    appends = f"with open('{log}', 'a') as file:\n    file.write('once\\n');"
    texts, found = shown([appends, "%load_ext sensors", "x = 1", "%unload_ext sensors", "print(x)"], tmp_path / "beside", events.append)
    assert texts[4] == "1\n"
    assert ("NB505", 1) in found
    assert log.read_text("utf-8") == "once\n"
    repaired = [place for place, event in enumerate(events) if isinstance(event, RunRepaired)]
    assert sum(isinstance(event, StepEnded) for event in events[repaired[-1] :]) == events[repaired[-1]].steps
    known = find_run(str(tmp_path / "beside" / "out"))
    assert sum(step.state == "finished" for step in known.steps) == known.step_count


def test_a_name_that_is_bound_in_a_way_that_nobody_sees(tmp_path):
    cells = ["import sys\nx = 1", "vars(sys.modules[type('C', (), {}).__module__])['unseen'] = 4", "print(unseen)"]
    texts, found = shown(cells, tmp_path)
    assert texts[2] == "4\n"
    assert ("NB501", 1) in found


def test_what_could_not_be_sent_and_is_given_to_code_in_c(tmp_path):
    made = "import ctypes\nclass Kept: pass\nkept = Kept()\nkept.text = ctypes.create_string_buffer(b'abc')"
    cells = [f"{made}\nkept.place = ctypes.c_void_p(ctypes.addressof(kept.text))", "print(ctypes.string_at(kept.place))"]
    texts, found = shown(cells, tmp_path)
    assert texts[1] == "b'abc'\n"
    assert ("NB506", 1) in found
