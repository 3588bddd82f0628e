"""Names of files that are only in memory: what is given a name twice has it once, and nothing gets into itself."""

import asyncio

from nbcompile.engines.streamflow.place import Place
from nbcompile.engines.streamflow.tree import Content, Tree, contents

FILE = Content("a" * 64, "b" * 40, 1)


class Somewhere:
    """An open place that is asked nothing."""

    session = None


def named(tree, path):
    return [name for name, _ in contents(tree.find(path))]


async def bring(place, source, target):
    await place.bring_from(place, source, target)


def test_a_directory_that_is_linked_twice_is_there_once():
    place = Place("here", Somewhere())
    place.tree.put("/made/out.files", {"a.txt": FILE})
    place.tree.make_directory("/in/1")
    for _ in range(2):  # StreamFlow links again what it is not sure of
        asyncio.run(bring(place, "/made/out.files", "/in/1/out.files"))
    assert named(place.tree, "/in/1") == ["out.files/a.txt"]
    assert named(place.tree, "/made") == ["out.files/a.txt"]


def test_what_is_brought_to_a_directory_that_was_made_goes_below_it():
    place = Place("here", Somewhere())
    place.tree.put("/made/out.files", {"a.txt": FILE})
    place.tree.make_directory("/in/1")
    asyncio.run(bring(place, "/made/out.files", "/in/1"))
    assert named(place.tree, "/in/1") == ["out.files/a.txt"]


def test_what_is_added_to_one_name_is_under_no_other():
    tree = Tree()
    tree.put("/one", {"a": FILE})
    tree.put("/two", tree.find("/one"))
    tree.put("/two/b", FILE)
    assert (named(tree, "/one"), named(tree, "/two")) == (["a"], ["a", "b"])


def test_a_name_that_was_removed_may_be_made_a_directory():
    tree = Tree()
    tree.put("/one", {"a": FILE})
    tree.remove("/one")
    tree.make_directory("/one")
    assert tree.takes_in("/one")
