"""The attributes of an object that count."""

import sys
import types

import numpy as np

from nbcompile.runtime.attributes import forgotten_attributes, take_state, without_caches


def test_dictionaries_that_are_made_when_somebody_looks():
    of_xarray, other = (type("Dataset", (), {"__module__": module}) for module in ("xarray.core.dataset", "mine"))
    assert without_caches(of_xarray, {"_attrs": {}, "_encoding": None, "_dims": {}}) == {"_dims": {}}
    assert without_caches(of_xarray, {"_attrs": {"unit": "m"}}) == {"_attrs": {"unit": "m"}}
    assert without_caches(other, {"_attrs": {}, 1: None}) == {"_attrs": {}, 1: None}
    assert list(without_caches(other, {"_attrs": np.arange(3)})) == ["_attrs"]


def test_what_units_have_converted_is_an_answer():
    of_astropy, other = (type("Unit", (), {"__module__": module}) for module in ("astropy.units.core", "mine"))
    assert without_caches(of_astropy, {"_bases": [1], "_decomposed_cache": 2}) == {"_bases": [1]}
    assert without_caches(other, {"_decomposed_cache": 2}) == {"_decomposed_cache": 2}


def test_an_array_that_a_model_fills_when_it_is_asked_is_an_answer():
    model = type("Gaussian1D", (), {"__module__": "astropy.modeling.functional_models"})
    assert without_caches(model, {"amplitude": 1.0, "_parameters": np.empty(3)}) == {"amplitude": 1.0}


def test_what_plotly_leaves_on_a_figure_for_another_function_is_kept():
    def way(figure):
        return type(figure), ({},)

    for module, expected in (("plotly.graph_objs", {"_px_trendlines": 3}), ("mine", None)):
        figure = type("Figure", (), {"__module__": module, "__reduce__": way})()
        figure._px_trendlines, figure._data = 3, []
        assert forgotten_attributes(figure, way(figure), way) == expected


def test_a_state_that_a_class_of_holoviews_would_mistake_for_an_old_one(monkeypatch):
    class Base:
        def __setstate__(self, state):
            self.__dict__.update(state)

    class Dimension(Base):
        def __setstate__(self, state):
            super().__setstate__({**state, "label": "another"})

    module = types.ModuleType("holoviews.core.dimension")
    module.Dimension = Dimension
    usual, mistaken = Dimension(), Dimension()
    take_state(usual, {"label": "mine"})
    monkeypatch.setitem(sys.modules, module.__name__, module)
    take_state(mistaken, {"label": "mine"})
    assert (usual.label, mistaken.label) == ("another", "mine")
