"""State that is not a name is the same in the next process, bit for bit, and nobody else's."""

import io
import logging
import sys

import pytest

from nbcompile.runtime.channels import reseed
from nbcompile.runtime.library_settings import Loggers, ways_to_send
from tests.unit.runtime.chain import run_chain, run_together, texts

pytestmark = pytest.mark.slow

CHANNELS = (
    "random",
    "numpy.random",
    "matplotlib",
    "matplotlib.interactive",
    "os.environ",
    "cwd",
    "sys.path",
    "shell",
    "umask",
    "locale",
    *ways_to_send(),
)

TRIPS = {
    "random": ("import random", "random.seed(7); random.gauss(0, 1);", "print(random.gauss(0, 1), random.random())"),
    "numpy": ("import numpy as np", "np.random.seed(7); np.random.normal();", "print(np.random.normal(), np.random.rand(3))"),
    "another generator": (
        "import numpy as np",
        "np.random.set_bit_generator(np.random.PCG64(7)); np.random.normal();",
        "print(np.random.normal(), np.random.rand(3))",
    ),
    "environment": (
        "import os",
        "os.environ['NBC_ONE'] = '1'; os.environ.pop('PATH'); os.environ['TZ'] = 'Asia/Tokyo'; import time; time.tzset()",
        "import time; print(os.environ['NBC_ONE'], os.getenv('PATH'), time.tzname)",
    ),
    "settings of the shell": (
        "ip = get_ipython()",
        "ip.ast_node_interactivity = 'all'; ip.InteractiveTB.set_mode('Minimal'); ip.display_formatter.formatters['text/plain'].pprint = 0",
        "3.14159\nprint(ip.InteractiveTB.mode, ip is get_ipython())",
    ),
    "permissions of new files": ("import os", "os.umask(0o077);", "open('a', 'w').close(); print(oct(os.stat('a').st_mode), os.umask(0))"),
    "how numbers and texts are written": (
        "import locale",
        "locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8');",
        "print(locale.setlocale(locale.LC_NUMERIC), f'{1234567:n}')",
    ),
    "plots that are not shown": (
        "import matplotlib.pyplot as plt; plt.figure(); plt.close('all')",
        "plt.ioff();",
        "plt.figure(); print(plt.isinteractive()); plt.close('all')",
    ),
    "directory": ("import os", "os.makedirs('a/b'); os.chdir('a/b')", "print(os.getcwd()[-4:])"),
    "search path": (
        "import os, sys",
        "sys.path.insert(0, 'lib'); sys.path.append(os.path.abspath('more')); sys.path.remove('')",
        "print(sys.path[0], [os.path.basename(entry) for entry in sys.path][-1], '' in sys.path)",
    ),
    "directories above": (
        "import os, sys",
        "sys.path.append(os.path.abspath('../../lib')); os.makedirs('../beside'); os.chdir('../beside')",
        "print(sys.path[-1] == os.path.abspath('../../lib'), os.path.basename(os.getcwd()))",
    ),
    "plot parameters": (
        "import matplotlib as mpl",
        "mpl.rcParams['figure.figsize'] = (2, 1); mpl.rcParams['axes.prop_cycle'] = mpl.cycler(color='rk')",
        "print(mpl.rcParams['figure.figsize'], mpl.rcParams['axes.prop_cycle'], mpl.get_backend())",
    ),
    "colour map that a library registers": (
        "import matplotlib as mpl",
        "mpl.colormaps.register(mpl.colors.ListedColormap(['red', 'blue'], name='ours')); mpl.rcParams['image.cmap'] = 'ours'",
        "print(mpl.colormaps[mpl.rcParams['image.cmap']]([0, 1]).tolist())",
    ),
    "codes of colours": (
        "import matplotlib.colors as colors",
        "import matplotlib; colors.colorConverter.colors['b'] = (0.5, 0.25, 0.0)",
        "print(colors.to_rgb('b'), colors.to_rgb('r'))",
    ),
    "figure formats": (
        "import matplotlib.pyplot as plt",
        "%config InlineBackend.figure_formats = ['svg']",
        "print(get_ipython().display_formatter.formatters['image/svg+xml'].type_printers)",
    ),
    "which warnings are shown": (
        "import warnings; class_of = type('Mine', (UserWarning,), {})",
        "warnings.filterwarnings('error', 'a.*b', UserWarning)",
        "try:\n    warnings.warn('a to b')\nexcept UserWarning as error:\n    print(repr(error), warnings.filters[0])",
    ),
    "warnings that are logged": (
        "import logging, warnings",
        "logging.captureWarnings(True); logging.getLogger('py.warnings').addHandler(logging.NullHandler())",
        "print(warnings.showwarning.__module__, logging.getLogger('py.warnings').handlers); warnings.warn('nobody is told')",
    ),
    "who logs what": (
        "import logging, sys; log = logging.getLogger('a.b')",
        "log.setLevel(5); log.propagate = False; logging.addLevelName(7, 'SEVEN'); logging.getLogger('matplotlib').setLevel('ERROR')",
        "log.addHandler(logging.StreamHandler(sys.stdout)); log.handlers[0].formatter = logging.Formatter('{levelname} {msg}', style='{')",
        "log.log(7, 'once'); print(logging.getLogger('matplotlib').level, logging.getLogger('a').level)",
    ),
    "a handler is the one that its logger has": (
        "import logging, sys",
        "handler = logging.StreamHandler(sys.stdout); logging.root.addHandler(handler); spare = logging.NullHandler(level=30)",
        (
            "handler.setLevel('ERROR'); logging.warning('hidden'); logging.error('shown')\n"
            "print(handler in logging.root.handlers, spare in logging.root.handlers, spare.level)"
        ),
    ),
    "a handler is told from others that come and go": (
        "import logging, sys; log = logging.getLogger('a'); log.propagate = False",
        "one, other = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stdout); log.addHandler(one); log.addHandler(other)",
        "log.removeHandler(one)",
        "print(log.handlers == [other], one in log.handlers); log.removeHandler(other); log.addHandler(one); log.error('once')",
    ),
    "logging that is turned off": (
        "import logging",
        "logging.disable(logging.ERROR)",
        "logging.error('hidden'); logging.critical('shown'); print(logging.root.manager.disable)",
    ),
    "how decimal numbers are calculated": (
        "import decimal",
        "decimal.getcontext().prec = 5; decimal.getcontext().rounding = decimal.ROUND_UP",
        "print(decimal.Decimal(1) / 3)",
    ),
    "how arrays are shown": (
        "import numpy as np",
        "np.set_printoptions(precision=2, formatter={'int': lambda n: f'<{n}>'}); np.seterr(all='raise');",
        "print(np.array([1 / 3]), np.array([1, 2]), np.geterr())",
    ),
    "how tables are shown": (
        "import pandas as pd",
        "pd.options.display.max_rows = 4; pd.set_option('display.float_format', '{:.1f}'.format); pd.set_option('display.width', 33)",
        "pd.reset_option('display.width'); print(pd.DataFrame({'a': [0.25] * 9}), pd.get_option('display.width'))",
    ),
    "the stream of the beginning": (
        "import io, sys; kept = sys.stdout; handler_of_stream = [sys.stderr]",
        "sys.stdout = io.StringIO(); sys.stdout = kept",
        "print(kept is sys.stdout, handler_of_stream[0] is sys.stderr)",
    ),
    "how deep calls go": ("import sys", "sys.setrecursionlimit(4321)", "print(sys.getrecursionlimit())"),
    "chosen figure formats": (
        "import matplotlib.pyplot as plt; import matplotlib_inline.backend_inline as inline",
        "inline.set_matplotlib_formats('png', 'retina', dpi=30)",
        "for kind, show in get_ipython().display_formatter.formatters['image/png'].type_printers.items(): print(kind, show)",
    ),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] if "formats" in name else []) for name in TRIPS])
def test_state_is_taken_over(name, tmp_path):
    cells = TRIPS[name]
    apart = texts(run_chain(cells, tmp_path / "apart", channels=CHANNELS))
    (together,) = texts([run_together(cells, tmp_path / "together", channels=CHANNELS)])
    assert mask_addresses(apart[-1]) == mask_addresses(together)
    assert apart[-1]


@pytest.mark.parametrize(
    "cells",
    [
        ("import logging", "class H(logging.Handler):\n    pass\nlogging.root.addHandler(H())", "logging.error('a')"),
        ("import logging", "logging.root.addHandler(logging.FileHandler('a.log'))", "logging.error('a')"),
        ("import logging, io", "logging.root.addHandler(logging.StreamHandler(io.StringIO()))", "logging.error('a')"),
        ("import logging", "logging.root.addFilter(lambda record: False)", "logging.error('a')"),
        ("import warnings", "def show(*args): print(args[0])\nwarnings.showwarning = show", "warnings.warn('a')"),
    ],
    ids=["handler of the notebook", "file", "buffer", "filter", "function that shows warnings"],
)
def test_what_belongs_to_its_process_is_refused(cells, tmp_path):
    steps = run_chain(cells, tmp_path / "chain", channels=CHANNELS)
    assert [one["code"] for one in steps[-1]["guards"]] == ["NB506"]


LOG = """import warnings
class Log:
    def enable(self): warnings.showwarning = self.show
    def show(self, message, *rest): print("logged:", message)
log = Log()
"""


@pytest.mark.parametrize(("place", "shown"), [("site-packages", "logged: a\n"), ("beside", None)])
def test_a_library_goes_on_to_show_warnings(place, shown, tmp_path):
    (tmp_path / place).mkdir()
    (tmp_path / place / "shows_warnings.py").write_text(LOG)
    cells = (f"import sys; sys.path.append({str(tmp_path / place)!r})", "import shows_warnings; shows_warnings.log.enable()")
    last = run_chain((*cells, "import warnings; warnings.warn('a')"), tmp_path / "chain", channels=CHANNELS)[-1]
    assert [one["code"] for one in last["guards"]] == ([] if shown else ["NB506"])
    assert not shown or texts([last]) == [shown]


def test_a_handler_that_was_there_before_any_cell_is_no_hindrance(tmp_path):
    before = logging.StreamHandler(io.StringIO())
    logging.root.addHandler(before)
    try:
        shown = texts(run_chain(("import logging", "logging.root.setLevel(5)", "print(logging.root.level)"), tmp_path, channels=CHANNELS))
    finally:
        logging.root.removeHandler(before)
    assert shown[-1] == "5\n"


def test_a_handler_that_is_there_stays_the_same_object():
    logger = logging.getLogger("handlers that stay")
    loggers = Loggers()
    handler = logging.StreamHandler(sys.stdout)
    logger.addHandler(handler)
    state = loggers.take()
    handler.setLevel("ERROR")
    logger.addHandler(logging.NullHandler())
    loggers.set(state)
    assert (logger.handlers, handler.level) == ([handler], logging.NOTSET)
    logger.handlers.clear()


def mask_addresses(text):
    return text.split(" at 0x")[0]


def test_generators_that_nobody_seeded_differ_from_process_to_process(tmp_path):
    draw = "import random, numpy; print(random.random(), numpy.random.rand())"
    shown = texts(run_chain([draw, draw, draw], tmp_path / "chain"))
    assert len({number for text in shown for number in text.split()}) == 6


def test_an_import_runs_again_where_the_path_was_set_and_other_state_is_set_after_it(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "loud.py").write_text("import random\nrandom.seed(0)\nNAME = 'found'\n")
    cells = (
        "import random, sys",
        "random.seed(7); sys.path.insert(0, 'lib'); random.random()",
        "import loud; random.seed(8)",
        "print(loud.NAME, random.random())",
    )
    apart = texts(run_chain(cells, tmp_path / "chain", channels=("random", "sys.path"), files=[("lib", tmp_path / "lib")]))
    assert apart[-1] == "found 0.2267058593810488\n"


def test_symbols_that_equal_no_other_do_so_in_forks_too():
    from sympy.core import symbol

    before = symbol.Dummy._base_dummy_index
    reseed()
    assert symbol.Dummy._base_dummy_index != before
