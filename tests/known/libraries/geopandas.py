"""Examples for the rows of GeoPandas."""

from tests.known.prove import Library

LIBRARY = Library(
    "geopandas",
    modules={"gpd": "geopandas", "np": "numpy", "pd": "pandas"},
    names={
        "points": "gpd.points_from_xy([0.0, 1.0], [1.0, 0.0])",
        "shapes": "gpd.GeoDataFrame({'a': [1.0, 2.0]}, geometry=points, crs='EPSG:3857')",
        "areas": "gpd.GeoDataFrame({'b': [3.0, 4.0]}, geometry=shapes.buffer(0.7), crs='EPSG:3857')",
        "table": "pd.DataFrame({'a': [1.0, 2.0]})",
        "file": "(shapes.to_file('given.geojson', driver='GeoJSON'), 'given.geojson')[1]",
    },
    types={"pandas.DataFrame": "pd.DataFrame", "pandas.Series": "pd.Series", "numpy.ndarray": object},
    receivers={},
    calls={
        "geopandas.read_file": ("(file)",),
        "geopandas.list_layers": ("(file)",),
        "geopandas.GeoDataFrame": ("(table, geometry=points)", "(shapes)", "({'a': [1, 2]}, geometry=points)"),
        "geopandas.GeoSeries": ("(points)",),
        "geopandas.points_from_xy": ("([0.0], [1.0])", "(np.array([0.0]), np.array([1.0]))"),
        "geopandas.sjoin": ("(shapes, areas)",),
        "geopandas.sjoin_nearest": ("(shapes, areas)",),
        "geopandas.overlay": ("(areas, areas)",),
        "geopandas.clip": ("(shapes, areas)",),
        "geopandas.tools.sjoin": ("(shapes, areas)",),
        "geopandas.tools.sjoin_nearest": ("(shapes, areas)",),
        "geopandas.tools.overlay": ("(areas, areas)",),
        "geopandas.tools.clip": ("(shapes, areas)",),
    },
    only_examples=frozenset(("geopandas",)),
    # GDAL reads without Python.
    not_seen=frozenset(("geopandas.read_file", "geopandas.list_layers")),
    unproved={
        "geopandas.read_parquet": "needs PyArrow",
        "geopandas.read_feather": "needs PyArrow",
        "geopandas.read_postgis": "needs a database",
        "geopandas.tools.geocode": "needs the network",
        "geopandas.tools.reverse_geocode": "needs the network",
    },
)
