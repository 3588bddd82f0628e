"""Cells that hand each other files, in steps of their own, give what a kernel gives: the same text, the same files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.plain_kernel import PlainClient

BIN = Path(sys.executable).parent
NOTEBOOKS = {
    "tables": [
        "import pandas as pd\npd.DataFrame({'a': [1, 2, 3], 'b': list('xyz')}).to_csv('t.csv', index=False)",
        "import pandas as pd\nt = pd.read_csv('t.csv')\nt['c'] = t.a * 2\nt.to_pickle('t.pkl')",
        "import pandas as pd\nprint(pd.read_pickle('t.pkl').c.sum(), pd.read_csv('given.csv').n.tolist())",
    ],
    "arrays": [
        "import numpy as np\nnp.save('a.npy', np.arange(6).reshape(2, 3))",
        "import numpy as np\na = np.load('a.npy')\nnp.savez('b.npz', a=a, b=a * 2)",
        "import numpy as np\nwith np.load('b.npz') as b:\n    print(b['b'].sum())",
    ],
    "pictures": [
        "from PIL import Image\nImage.new('RGB', (4, 3), 'red').save('p.png')",
        "from PIL import Image\nImage.open('p.png').rotate(90, expand=True).save('q.png')",
        "from PIL import Image\nq = Image.open('q.png')\nprint(q.size, q.getpixel((0, 0)))",
    ],
    "database": [
        "import sqlite3\nwith sqlite3.connect('d.sqlite') as d:\n    d.execute('create table t (n)')",
        "import sqlite3\nwith sqlite3.connect('d.sqlite') as d:\n    d.execute('insert into t values (3), (4)')",
        "import sqlite3\nprint(sqlite3.connect('d.sqlite').execute('select sum(n) from t').fetchall())",
    ],
    "pipelines": [
        "!printf 'b\\na\\nb\\n' > words.txt",
        "%%bash\nsort words.txt | uniq -c | sed 's/^ *//' > counts.txt\nwc -l < counts.txt",
        "print(open('counts.txt').read())",
    ],
    "scripts": [
        "%%writefile double.py\nimport sys\nprint(int(sys.argv[1]) * 2)",
        "import subprocess, sys\nprint(subprocess.run([sys.executable, 'double.py', '21'], capture_output=True, text=True).stdout)",
        "%run double.py 4",
    ],
    "modules that a cell has written": [
        "%%writefile parts.py\nimport pieces\nclass P:\n    def __init__(self, n): self.n = pieces.twice(n)",
        "%%writefile pieces.py\ndef twice(n): return 2 * n",
        "import importlib\nm = importlib.import_module('parts')",
        "p = m.P(4)",
        "print(p.n, type(p).__module__, m.pieces.twice(3))",
    ],
    "modules in a directory that only imports look into": [
        "%%writefile results/made.py\nclass M:\n    def twice(self): import more; return more.TWO * self.n",
        "%%writefile results/more.py\nTWO = 2",
        "import sys, importlib\nsys.path.insert(0, 'results')\nmade = importlib.import_module('made')",
        "m = made.M()\nm.n = 21",
        "print(m.twice())",
    ],
    "a script without its ending": ["%%writefile hello.py\nn = 4\nprint('hello')", "%run hello", "print(n)"],
    "folders": [
        "import os, tempfile\nos.makedirs('out/deep')\nfor n in '012':\n    with open(f'out/deep/{n}.txt', 'w') as f:\n        f.write(n)",
        "import os, tempfile\nwith tempfile.TemporaryDirectory() as d:\n    os.mkdir(f'{d}/x')\n    print(os.listdir(d))",
        "import glob\nprint(sorted(glob.glob('out/**/*.txt', recursive=True)))",
        "import shutil\nshutil.make_archive('all', 'zip', 'out')\nshutil.rmtree('out')",
        "import zipfile, os\nprint(sorted(zipfile.ZipFile('all.zip').namelist()), os.path.exists('out'))",
    ],
    "made once": [
        "from pathlib import Path\nif not Path('cache.txt').exists():\n    print('making')\n    Path('cache.txt').write_text('42')",
        "from pathlib import Path\nif not Path('cache.txt').exists():\n    print('making again')\nprint(Path('cache.txt').read_text())",
    ],
    "modules": ["import helper\nprint(helper.twice(4))", "from helper import twice\nxs = [twice(n) for n in range(3)]", "print(xs)"],
    "a folder that is there": [
        "with open('results/a.txt', 'w') as f:\n    f.write('a')",
        "import tool\ntool.save()",
        "import os\nprint(sorted(os.listdir('resu' + 'lts')))",
    ],
    "files above": [
        "rows = open('../shared/rows.txt').read()\nwith open('../shared/made/y.txt', 'w') as f:\n    f.write(rows.upper())",
        "import os\nprint(open('../shared/made/y.txt').read())\nos.makedirs('../new/deep')",
        "with open('../new/deep/z.txt', 'w') as f:\n    f.write('z')",
        "print(open('../new/deep/z.txt').read(), open('../shared/made/y.txt').read())",
    ],
    "shards above": [
        "import os\nxs = ['a', 'b', 'c']\nos.makedirs('../parts/deep')",
        "# nbc: scatter=xs\nfor x in xs:\n    with open(f'../parts/deep/{x}.txt', 'w') as f:\n        f.write(x)",
        "print(sorted(os.listdir('../parts/deep')))",
    ],
    "modules of modules": ["import outer\nprint(outer.VALUE)", "v = outer.VALUE * 2", "print(v)"],
    "names of the standard library": ["import statistics\nprint(statistics.mean([1, 2]))", "m = statistics.median([1, 5])", "print(m)"],
    "modules above": [
        "import os, sys\nplace = os.path.abspath(os.path.join('..', 'shared'))\nif place not in sys.path:\n    sys.path.append(place)",
        "import up\nx = up.UP",
        "print(x, up.UP, open('../shared/rows.txt').read())",
    ],
    "absolute paths": [
        "import os\nfrom pathlib import Path\nos.makedirs('data/deep')\nopen('data/deep/x.txt', 'w').write('x')",
        "here, place, file = os.getcwd(), Path.cwd() / 'data', os.path.abspath('data/deep/x.txt')",
        "settings = {'paths': [place / 'deep', here, here], 'up': f'file://{os.path.dirname(here)}/shared', 'raw': os.fsencode(file)}",
        "print(open(file).read(), sorted(place.rglob('*.txt'))[0].read_text(), settings['paths'][1] is settings['paths'][2])",
        "print(os.listdir(settings['raw'].rpartition(b'/')[0]), os.path.isdir(settings['up'][7:].rpartition('/')[0]))",
        "print(len(list(Path(here).glob('d*'))))",
        "import numpy as np, pandas as pd\narray = np.array([file, here])\ntable = pd.DataFrame({'path': [file] * 2000})",
        "print(open(array[0]).read(), array.dtype.itemsize == 4 * len(array[0]), open(table.path[1999]).read())",
    ],
    "a step up": [
        "import os\nos.chdir('..')",
        "print(open('shared/rows.txt').read(), sorted(os.listdir('shared')))",
        "import sys\nsys.path.insert(0, 'shared')",
        "import up\nprint(up.UP)",
    ],
    "path": ["import sys\nsys.path.insert(0, 'lib')", "import inner\nprint(inner.NAME)", "from inner import NAME\nprint(NAME * 2)"],
}

# What another engine than the local one could not repair: nothing of it may be missed.
FORESEEN = {
    "modules in two places": [
        "import sys\nsys.path.insert(0, 'lib')",
        "import inner",
        "sys.path.insert(0, '../shared')",
        "import up",
        "print(inner.NAME, up.UP)",
    ],
    "temporary directories": [
        "import os, tempfile\nplace = tempfile.mkdtemp()\nnames = ['a', 'b']",
        "for n in names:\n    with open(os.path.join(place, f'{n}.txt'), 'w') as f:\n        f.write(n)",
        "paths = [os.path.join(place, f'{n}.txt') for n in names]",
        "print([open(path).read() for path in paths])",
        "tmp = tempfile.TemporaryDirectory()\nlog = os.path.join(tmp.name, 'log')",
        "print(open(log, 'w').write('abc'))",
        "print(open(log).read(), sorted(os.listdir(place)))",
    ],
    "logs": [
        "import logging\nlogging.basicConfig(filename='run.log', filemode='w', level=logging.INFO, format='%(message)s', force=True)",
        "x = 1\nlogging.info('x is %d', x)",
        "logging.getLogger('other').warning('more')",
        "print(open('run.log').read())",
    ],
    "handlers of logs": [
        "import logging\nlog = logging.getLogger('mine')\nlog.addHandler(logging.FileHandler('mine.log'))",
        "def work(n):\n    log.warning('at work on %d', n)\n    return n + 1",
        "n = work(3)",
        "print(open('mine.log').read(), n)",
    ],
    "pieces": [
        "import pandas as pd\npd.DataFrame({'a': range(10)}).to_csv('t.csv', index=False)",
        "reader = pd.read_csv('t.csv', iterator=True)\nfirst = reader.get_chunk(3)",
        "second = reader.get_chunk(3)\nprint(first.a.tolist(), second.a.tolist())",
        "pieces = pd.read_csv('t.csv', chunksize=4)",
        "print([int(piece.a.sum()) for piece in pieces])",
    ],
    "pictures by name": [
        "from PIL import Image\nImage.new('RGB', (4, 3), 'red').save('p.png')",
        "from IPython.display import Image, display\nprint(len(Image('p.png').data))",
    ],
    "shelves": [
        "import shelve\nwith shelve.open('kept') as s:\n    s['k'] = 5",
        "with shelve.open('kept') as s:\n    print(s['k'])",
    ],
    "connections": [
        "import sqlite3\ndb = sqlite3.connect('d.sqlite')",
        "import pandas as pd\npd.DataFrame({'a': [1]}).to_sql('t', db, index=False)",
        "db.execute('insert into t values (10)')\ndb.commit()",
        "print(sqlite3.connect('d.sqlite').execute('select sum(a) from t').fetchall())",
    ],
}


@pytest.fixture
def project(tmp_path):
    place = tmp_path / "project"
    (place / "lib").mkdir(parents=True)
    (place / "given.csv").write_text("n\n5\n", "utf-8")
    (place / "helper.py").write_text("def twice(n):\n    return 2 * n\n", "utf-8")
    (place / "statistics.py").write_text("raise ValueError('the kernel looks here later')\n", "utf-8")
    (place / "results").mkdir()
    (place / "results" / "old.txt").write_text("old", "utf-8")
    (place / "tool.py").write_text("def save():\n    with open('results/b.txt', 'w') as f:\n        f.write('b')\n", "utf-8")
    (place / "outer.py").write_text("import json, helper\nVALUE = helper.twice(json.load(open('sizes.json'))['n'])\n", "utf-8")
    (place / "sizes.json").write_text('{"n": 6}', "utf-8")
    (tmp_path / "shared" / "made").mkdir(parents=True)
    (tmp_path / "shared" / "up.py").write_text("import further\nUP = further.FURTHER + 1\n", "utf-8")
    (tmp_path / "shared" / "further.py").write_text("FURTHER = 1\n", "utf-8")
    (tmp_path / "shared" / "rows.txt").write_text("rows\n", "utf-8")
    (place / "lib" / "inner.py").write_text("NAME = 'inner'\n", "utf-8")
    return place


def texts(notebook):
    return ["".join("".join(output.get("text", "")) for output in cell["outputs"]) for cell in notebook["cells"]]


def tree(directory, leave_out=()):
    files = [path for path in directory.rglob("*") if path.is_file() and not {".nbcompile", "__pycache__"} & set(path.parts)]
    found = {path.relative_to(directory).as_posix(): path.read_bytes() for path in files if path.suffix not in (".ipynb", ".html", ".json")}
    return {path: content for path, content in found.items() if path not in leave_out}


@pytest.mark.slow
@pytest.mark.parametrize("name", [*NOTEBOOKS, *FORESEEN])
def test_steps_give_the_text_and_the_files_of_a_kernel(name, project, tmp_path):
    cells = {**NOTEBOOKS, **FORESEEN}[name]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text, id=f"c{n}") for n, text in enumerate(cells)])
    nbformat.write(notebook, project / "n.ipynb")
    given = tree(project)
    # What lies above is another for each run, too.
    plain = tmp_path / "elsewhere" / "plain"
    shutil.copytree(project, plain)
    shutil.copytree(tmp_path / "shared", plain.parent / "shared")
    given_above = tree(plain.parent)
    PlainClient(notebook, kernel_name="python3", resources={"metadata": {"path": str(plain)}}).execute()
    command = [BIN / "nbcompile", "run", project / "n.ipynb", "--granularity", "cell", "-o", tmp_path / "out"]
    command += ["--strict"] if name in FORESEEN else []
    environment = {**os.environ, "NBCOMPILE_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert texts(json.loads((tmp_path / "out" / "n.executed.ipynb").read_text("utf-8"))) == texts(notebook)
    made = {path: content for path, content in tree(plain).items() if given.get(path) != content and not path.endswith(".zip")}
    # A kernel that is told to end may still log, where the notebook has everything logged, that it could not say so.
    made = {path: content.partition(b"Uncaught exception in ZMQStream callback")[0] for path, content in made.items()}
    above = {path: content for path, content in tree(plain.parent).items() if given_above.get(path) != content}
    made.update((f"above/{path}", content) for path, content in above.items() if not path.startswith("plain/"))
    assert tree(tmp_path / "out", leave_out=("all.zip",)) == made


def test_the_path_that_a_person_has_set_is_that_of_the_cells(project, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'shared'}{os.pathsep}{tmp_path / 'nowhere'}")
    (project / "n.py").write_text("# %%\nimport up\nx = up.UP\n# %%\nimport up\nprint(x, up.UP)\n", "utf-8")
    command = [BIN / "nbcompile", "run", project / "n.py", "--granularity", "cell", "--no-cache", "-o", tmp_path / "out"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert texts(json.loads((tmp_path / "out" / "n.executed.ipynb").read_text("utf-8")))[1] == "2 2\n"
