"""Molecules travel with what was set of them. A few lines stand for RDKit, which is not installed: it pickles what it is asked for."""

import importlib
import struct

import pytest

from nbcompile.runtime.fingerprint import fingerprint
from tests.unit.runtime.chain import run_chain, texts

pytestmark = pytest.mark.slow

RDCHEM = """
import struct
class Mol:
    def __init__(self, content):
        kept, self.x = struct.unpack("?d", content[:16])
        self.name, self.weight, self.said = content[16:].decode().strip("!") if kept else "", None, "read"
    def ToBinary(self, flags=0):
        x = self.x if flags & 0x10000 else struct.unpack("f", struct.pack("f", self.x))[0]
        return struct.pack("?d", bool(flags & 1), x) + self.name.encode()
    def __reduce__(self):
        return type(self), (self.ToBinary(),)
"""
MADE = "from rdkit.Chem.rdchem import Mol; one = Mol(bytes(16)); one.name, one.x, same = 'ethanol', 0.1, [one]"


@pytest.fixture
def rdkit(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "rdkit" / "Chem"
    package.mkdir(parents=True)
    (package / "rdchem.py").write_text(RDCHEM)
    monkeypatch.syspath_prepend(str(package.parent.parent))


@pytest.mark.usefixtures("rdkit")
@pytest.mark.parametrize(("asked", "answer"), [("one.name, one.x", "ethanol 0.1"), ("same[0] is one", "True")])
def test_a_molecule_travels_whole(asked, answer, tmp_path):
    assert texts(run_chain((MADE, "", f"print({asked})"), tmp_path / "chain"))[-1] == answer + "\n"


@pytest.mark.usefixtures("rdkit")
def test_properties_count_and_whether_a_molecule_was_read_does_not(monkeypatch):
    module = importlib.import_module("rdkit.Chem.rdchem")
    monkeypatch.setattr(module.Mol, "ToBinary", binary_that_says_more_once)
    one, other, named = (module.Mol(bytes(16)) for _ in range(3))
    one.said, named.name = "made", "water"
    assert one.ToBinary(1) != other.ToBinary(1)
    assert fingerprint(one) == fingerprint(other) != fingerprint(named)


def binary_that_says_more_once(molecule, flags=0):
    """What RDKit does with patterns: those that were made are told in more words than those that were read."""
    return struct.pack("?d", True, molecule.x) + molecule.name.encode() + (b"!" if molecule.said == "made" and not molecule.name else b"")
