"""Examples for the rows of scikit-learn: every estimator class, made with what its parameters ask for, is a receiver."""

import copy
import functools
import inspect
import warnings

import joblib
import numpy as np
from sklearn.utils import all_estimators

from tests.known.prove import Library
from tests.known.state import State

_FETCHERS = """
    fetch_20newsgroups fetch_20newsgroups_vectorized fetch_california_housing fetch_covtype fetch_file fetch_kddcup99 fetch_lfw_pairs
    fetch_lfw_people fetch_olivetti_faces fetch_openml fetch_rcv1 fetch_species_distributions
"""
_WITH_DATA = """
    predict predict_proba predict_log_proba decision_function transform score_samples apply decision_path staged_predict
    staged_predict_proba staged_decision_function predict_joint_log_proba mahalanobis bic aic perplexity error_norm gibbs
"""
_WITHOUT = """
    get_feature_names_out get_support get_covariance get_precision get_depth get_n_leaves log_marginal_likelihood sample
"""
# In a directory without files, arguments that would be downloaded or removed are not tried.
_ELSEWHERE = {
    **dict.fromkeys(
        (f"sklearn.datasets.{name}" for name in _FETCHERS.split()),
        "reads from the network",
    ),
    "sklearn.datasets.clear_data_home": "removes files of the person who runs the tests",
    "sklearn.datasets.get_data_home": "makes a directory in the home of the person who runs the tests",
}
_SMALL = {"n_estimators": 2, "max_iter": 20, "n_components": 2, "n_clusters": 2, "n_init": 1, "cv": 2, "perplexity": 2.0, "n_resampling": 2}
_KEEP = {"IterativeImputer": {"max_iter": 2}, "MinCovDet": {}, "SelfTrainingClassifier": {"max_iter": 2}}
_CLASSES = dict(all_estimators())
X = np.random.RandomState(0).rand(24, 3)
_DATA = {
    "X": X,
    "counts": np.floor(X * 4),
    "y": np.array([0, 1] * 12),
    "z": np.arange(1.0, 25.0),
    "targets": np.column_stack([np.array([0, 1] * 12), np.array([0, 0, 1] * 8)]),
    "words": ["a b", "b c", "c d a"],
    "dicts": [{"a": 1.0}, {"b": 2.0}],
    "images": np.random.RandomState(0).rand(4, 8, 8),
    "sets": [(1, 2), (2,)],
    "square": X @ X.T,
    "lists": [["a", "b"], ["b"]],
}
_ATTEMPTS = (
    ("X", "y"),
    ("counts", "y"),
    ("X", "z"),
    ("X", "targets"),
    ("X",),
    ("square",),
    ("words",),
    ("dicts",),
    ("sets",),
    ("images",),
    ("y",),
    ("z", "y"),
    ("lists",),
)


def _inner(parameter):
    """A value for a parameter that a class must be given."""
    from sklearn.compose import make_column_selector
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.preprocessing import StandardScaler

    del make_column_selector
    regression = Ridge()
    classifier = LogisticRegression()
    return {
        "estimator": classifier,
        "base_estimator": classifier,
        "estimators": [("a", classifier), ("b", LogisticRegression(C=2.0))],
        "steps": [("s", StandardScaler()), ("m", classifier)],
        "transformers": [("s", StandardScaler(), [0, 1])],
        "transformer_list": [("s", StandardScaler())],
        "param_grid": {"C": [1.0, 2.0]},
        "param_distributions": {"C": [1.0, 2.0]},
        "regressor": regression,
        "dictionary": np.eye(3),
    }[parameter]


_REGRESSION = ("StackingRegressor", "VotingRegressor", "MultiOutputRegressor", "RegressorChain", "TransformedTargetRegressor")


@functools.cache
def _fresh(name):
    from sklearn.linear_model import Ridge

    parameters = inspect.signature(_CLASSES[name]).parameters
    given = {one.name: _inner(one.name) for one in parameters.values() if one.default is one.empty and one.name not in ("args", "kwargs")}
    if name in _REGRESSION:
        given = {key: [("a", Ridge()), ("b", Ridge(alpha=2.0))] if isinstance(value, list) else Ridge() for key, value in given.items()}
    small = _KEEP.get(name, {key: value for key, value in _SMALL.items() if key in parameters})
    if name == "RandomizedSearchCV":
        small["n_iter"] = 2
    return _CLASSES[name](**given, **small)


@functools.cache
def _how(name):
    """What a class can be fitted with, and the result."""
    for names in _ATTEMPTS:
        model = copy.deepcopy(_fresh(name))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return names, model.fit(*(copy.deepcopy(_DATA[one]) for one in names))
        except Exception:  # noqa: BLE001, S112 - the next data may be what it takes
            continue
    return (), None


def _fitted(name):
    return copy.deepcopy(_how(name)[1])


def _made(name):
    return copy.deepcopy(_fresh(name))


def _drawn(display):
    """A display whose figure has been drawn: the first drawing finds limits."""
    display.figure_.canvas.draw()
    State(display)
    return display


def _data(model):
    """What a model can be fitted with."""
    return tuple(copy.deepcopy(_DATA[one]) for one in _how(type(model).__name__)[0])


_MANIFOLD = ("ClassicalMDS", "Isomap", "LocallyLinearEmbedding", "MDS", "SpectralEmbedding", "TSNE")
_DRAWING = ("BernoulliRBM", "DummyClassifier", "PatchExtractor")
_OWN = (*_MANIFOLD, *_DRAWING, "FunctionTransformer", "KernelDensity")
_PIPELINES = ("Pipeline", "FeatureUnion")
_ESTIMATORS = sorted(name for name in _CLASSES if name not in _PIPELINES)

# How many cores there are is asked of the system once.
joblib.cpu_count(only_physical_cores=True)

LIBRARY = Library(
    "sklearn",
    modules={
        "np": "numpy",
        "pd": "pandas",
        "plt": "matplotlib.pyplot",
        "base": "sklearn.base",
        "linear_model": "sklearn.linear_model",
        "preprocessing": "sklearn.preprocessing",
        "pipeline": "sklearn.pipeline",
        "tree": "sklearn.tree",
        "neighbors": "sklearn.neighbors",
        "model_selection": "sklearn.model_selection",
        "metrics": "sklearn.metrics",
        "datasets": "sklearn.datasets",
        "kernels": "sklearn.gaussian_process.kernels",
        "inspection": "sklearn.inspection",
        "calibration": "sklearn.calibration",
    },
    names={
        **{name: (lambda value=value: copy.deepcopy(value)) for name, value in _DATA.items()},
        "fitted": lambda: _fitted,
        "made": lambda: _made,
        "data": lambda: _data,
        "drawn": lambda: _drawn,
        "s": "np.linspace(0, 1, 24)",
        "model": "linear_model.LogisticRegression()",
        "line": "linear_model.LinearRegression()",
        "ready": "fitted('LogisticRegression')",
        "ax": "plt.figure(figsize=(2, 2), dpi=20).add_subplot()",
        "scores": "np.column_stack([1 - s, s])",
        "labels": "np.eye(2)[y]",
        "square_": "square",
    },
    types={
        # The mixins are classes of what notebooks derive their estimators from.
        "sklearn.Estimator": "(base.BaseEstimator, base.TransformerMixin, base.ClassifierMixin, base.RegressorMixin, base.ClusterMixin)",
        "sklearn.Manifold": "base.BaseEstimator",
        "sklearn.Drawing": "base.BaseEstimator",
        "sklearn.FunctionTransformer": "preprocessing.FunctionTransformer",
        "sklearn.KernelDensity": "neighbors.KernelDensity",
        "sklearn.Pipeline": "(pipeline.Pipeline, pipeline.FeatureUnion)",
        "sklearn.Splitter": object,
        "sklearn.Display": object,
        "sklearn.Tree": object,
        "sklearn.Kernel": "kernels.Kernel",
        "sklearn.Bunch": "__import__('sklearn.utils').utils.Bunch",
        "sklearn.config_context": object,
        "numpy.item": "(np.ndarray, np.generic, int, float, tuple)",
        "numpy.ndarray": "(np.ndarray, np.generic, float, list, tuple)",
        "matplotlib.Artist": object,
        "scipy.sparse.spmatrix": "(__import__('scipy.sparse').sparse.spmatrix, __import__('scipy.sparse').sparse.sparray)",
        "float": "(float, int, np.floating, np.ndarray, np.integer)",
        "int": "(int, np.integer)",
        "bool": "(bool, np.bool_)",
        "list": object,
    },
    receivers={
        "sklearn.Estimator": tuple(f"fitted({name!r})" for name in _ESTIMATORS if name not in _OWN),
        "sklearn.Manifold": tuple(f"fitted({name!r})" for name in _MANIFOLD),
        "sklearn.Drawing": tuple(f"fitted({name!r})" for name in _DRAWING),
        "sklearn.FunctionTransformer": "fitted('FunctionTransformer')",
        "sklearn.KernelDensity": "fitted('KernelDensity')",
        "sklearn.Pipeline": ("made('Pipeline')", "made('FeatureUnion')"),
        "sklearn.Splitter": ("model_selection.KFold(2)", "model_selection.ShuffleSplit(2)", "model_selection.StratifiedKFold(2)"),
        "sklearn.Bunch": ("datasets.load_iris()", "datasets.load_sample_images()", "inspection.permutation_importance(ready, X, y)"),
        "sklearn.Display": (
            "drawn(metrics.ConfusionMatrixDisplay.from_predictions(y, y))",
            "drawn(metrics.RocCurveDisplay.from_predictions(y, s))",
            "drawn(metrics.PrecisionRecallDisplay.from_predictions(y, s))",
            "drawn(metrics.PredictionErrorDisplay.from_predictions(z, z))",
        ),
        "sklearn.Tree": ("neighbors.KDTree(X)", "tree.DecisionTreeClassifier().fit(X, y).tree_"),
        "sklearn.Kernel": ("kernels.RBF()", "kernels.RBF() + kernels.WhiteKernel()"),
    },
    parameters={
        "X": "X",
        "y": "y",
        "Y": "X",
        "x": "s",
        "y_true": "y",
        "y_pred": "y",
        "y_score": "s",
        "y_prob": "s",
        "y_proba": "s",
        "probas_pred": "s",
        "labels_true": "y",
        "labels_pred": "y",
        "labels": "y",
        "estimator": "model",
        "base_estimator": "model",
        "regressor": "line",
        "estimators": "[('a', model), ('b', model)]",
        "steps": "[('a', preprocessing.StandardScaler()), ('b', model)]",
        "transformer_list": "[('a', preprocessing.StandardScaler())]",
        "transformers": "[('a', preprocessing.StandardScaler(), [0, 1])]",
        "param_grid": "{'C': [1.0]}",
        "param_distributions": "{'C': [1.0]}",
        "param_name": "'C'",
        "param_range": "[1.0, 2.0]",
        "n_clusters": "2",
        "n_components": "2",
        "n_samples": "9",
        "n_features": "4",
        "n_nonzero_coefs": "1",
        "n_dim": "3",
        "shape": "(4, 4)",
        "a": "X",
        "b": "X",
        "array": "X",
        "arr": "X",
        "scoring": "'accuracy'",
        "score_func": "metrics.accuracy_score",
        "kernels": "[kernels.RBF()]",
        "k1": "kernels.RBF()",
        "k2": "kernels.WhiteKernel()",
        "kernel": "kernels.RBF()",
        "exponent": "2.0",
        "n_packs": "2",
        "n": "9",
        "batch_size": "3",
        "class_weight": "'balanced'",
        "n_iter": "1",
        "n_groups": "2",
        "n_splits": "2",
        "p": "2",
        "test_fold": "y",
        "alpha": "1.0",
        "Gram": "X.T @ X",
        "Xy": "X.T @ z",
        "ridge_regression(y)": "z",
        "emp_cov": "np.cov(X.T)",
        "precision": "np.eye(3)",
        "dictionary": "np.eye(3)",
        "classes": "np.array([0, 1])",
        "matrix": "square",
        "dissimilarities": "metrics.euclidean_distances(X)",
        "adjacency": "square",
        "X_embedded": "X[:, :2]",
        "A": "X",
        "M": "X",
        "arrays": "[X, y]",
        "features": "[0]",
        "decision_tree": "fitted('DecisionTreeClassifier')",
        "image_name": "'china.jpg'",
        "name": "'a'",
        "smacof(dissimilarities)": "metrics.euclidean_distances(X)",
        "affinity": "square",
        "S": "square",
        "w": "None",
        "set_": "y",
        "alphas": "[1.0]",
        "n_targets": "1",
        "multi_class": "'raise'",
        "confusion_matrix": "np.eye(2)",
        "fpr": "s",
        "tpr": "s",
        "fnr": "s",
        "recall": "s",
        "prob_true": "s",
        "prob_pred": "s",
        "train_sizes": "[1, 2]",
        "train_scores": "np.eye(2)",
        "test_scores": "np.eye(2)",
        "xx0": "square",
        "xx1": "square",
        "response": "square",
        "deciles": "{}",
        "pd_results": "[]",
        "feature_names": "['a']",
        "target_idx": "0",
        "theta": "np.array([0.1])",
        "seed": "0",
        "mask": "y == 1",
        "msg": "None",
        "parameter": "'sample_weight'",
        "metric": "metrics.accuracy_score",
        "item": "0",
        "sparse_center": "X",
        "hinge_loss(pred_decision)": "s * 2 - 1",
        "pred_decision": "s",
        "y_type": "'binary'",
    },
    flags={
        "copy": "False",
        "copy_X": "False",
        "copy_x": "False",
        "copy_Gram": "False",
        "copy_Xy": "False",
        "inplace": "True",
        "overwrite_X": "True",
        "return_X_y": "True",
    },
    ladder=(
        "()",
        "(X, y)",
        "(X)",
        "(y, y)",
        "(z, z)",
        "(labels, scores)",
        "(y, s)",
        "(words)",
        "(2)",
        "(X[:2])",
        "(3, 4)",
        "(model, X, y)",
        "(ready, X, y)",
        "(y, scores)",
        "(z)",
        "(X, 2)",
        "(counts)",
        "(square)",
        "(targets)",
        "(X, z)",
        "(1.0)",
        "('C')",
        "([0.5, 0.5])",
        "(f)",
    ),
    calls={
        "sklearn.Estimator.fit": ("(*data(self))",),
        "sklearn.Manifold.fit_transform": ("(*data(self))",),
        "sklearn.FunctionTransformer.fit_transform": ("(X)",),
        "sklearn.FunctionTransformer.transform": ("(X)",),
        "sklearn.FunctionTransformer.inverse_transform": ("(X)",),
        "sklearn.KernelDensity.sample": ("()", "(random_state=1)"),
        "sklearn.Estimator.partial_fit": ("(*data(self))", "(*data(self), [0, 1])"),
        "sklearn.Estimator.fit_transform": ("(*data(self))", "(data(self)[0])"),
        "sklearn.Estimator.fit_predict": ("(*data(self))", "(data(self)[0])"),
        **{f"sklearn.Estimator.{name}": ("(data(self)[0])",) for name in _WITH_DATA.split()},
        **{f"sklearn.Estimator.{name}": ("()",) for name in _WITHOUT.split()},
        "sklearn.Estimator.inverse_transform": ("(self.transform(data(self)[0]))",),
        "sklearn.Estimator.staged_score": ("(*data(self))",),
        "sklearn.Estimator.score": ("(*data(self))", "(data(self)[0])"),
        "sklearn.Estimator.set_params": "()",
        "sklearn.Estimator.get_params": "()",
        "sklearn.Pipeline.fit": ("(X, y)",),
        "sklearn.Pipeline.fit_transform": ("(X)", "(X, y)"),
        "sklearn.Pipeline.fit_predict": ("(X)", "(X, y)"),
        "sklearn.Estimator.kneighbors": ("(X[:2])",),
        "sklearn.Estimator.radius_neighbors": ("(X[:2])",),
        "sklearn.Estimator.path": ("(X, z)",),
        "sklearn.Estimator.get_indices": ("(0)",),
        "sklearn.Estimator.get_shape": ("(0)",),
        "sklearn.Estimator.get_submatrix": ("(0, X)",),
        "sklearn.Estimator.restrict": ("([True])",),
        "sklearn.Estimator.cost_complexity_pruning_path": ("(X, y)",),
        "sklearn.Estimator.correct_covariance": ("(X)",),
        "sklearn.Estimator.reweight_covariance": ("(X)",),
        "sklearn.Estimator.sample_y": ("(X)", "(X, random_state=None)"),
        "sklearn.Estimator.dbscan_clustering": ("(0.5)",),
        "sklearn.model_selection.train_test_split": ("(X, y)", "(X, y, random_state=1)"),
        "sklearn.model_selection.cross_val_score": ("(model, X, y, cv=2)",),
        "sklearn.model_selection.cross_val_predict": ("(model, X, y, cv=2)",),
        "sklearn.model_selection.cross_validate": ("(model, X, y, cv=2)", "(model, X, y, cv=2, return_estimator=True)"),
        "sklearn.model_selection.permutation_test_score": ("(model, X, y, cv=2, n_permutations=2)",),
        "sklearn.model_selection.learning_curve": ("(model, X, y, cv=2, train_sizes=[4, 6])",),
        "sklearn.model_selection.validation_curve": ("(model, X, y, param_name='C', param_range=[1.0], cv=2)",),
        "sklearn.model_selection.LearningCurveDisplay.from_estimator": (
            "(model, X, y, cv=2, train_sizes=[6, 8])",
            "(model, X, y, cv=2, train_sizes=[6, 8], ax=ax)",
        ),
        "sklearn.model_selection.ValidationCurveDisplay.from_estimator": (
            "(model, X, y, param_name='C', param_range=[1.0, 2.0], cv=2)",
            "(model, X, y, param_name='C', param_range=[1.0, 2.0], cv=2, ax=ax)",
        ),
        "sklearn.inspection.PartialDependenceDisplay.from_estimator": ("(ready, X, [0])", "(ready, X, [0], ax=ax)"),
        "sklearn.inspection.DecisionBoundaryDisplay.from_estimator": (
            "(linear_model.LogisticRegression().fit(X[:, :2], y), X[:, :2], grid_resolution=5)",
            "(linear_model.LogisticRegression().fit(X[:, :2], y), X[:, :2], grid_resolution=5, ax=ax)",
        ),
        "sklearn.calibration.CalibrationDisplay.from_estimator": ("(ready, X, y)", "(ready, X, y, ax=ax)"),
        "sklearn.calibration.CalibrationDisplay.from_predictions": ("(y, s)", "(y, s, ax=ax)"),
        **{
            f"sklearn.metrics.{name}.from_estimator": ("(ready, X, y)", "(ready, X, y, ax=ax)")
            for name in ("ConfusionMatrixDisplay", "DetCurveDisplay", "PrecisionRecallDisplay", "RocCurveDisplay")
        },
        **{
            f"sklearn.metrics.{name}.from_predictions": ("(y, s)", "(y, s, ax=ax)")
            for name in ("DetCurveDisplay", "PrecisionRecallDisplay", "RocCurveDisplay")
        },
        "sklearn.metrics.ConfusionMatrixDisplay.from_predictions": ("(y, y)", "(y, y, ax=ax)"),
        "sklearn.metrics.PredictionErrorDisplay.from_predictions": ("(z, z)", "(z, z, ax=ax)"),
        "sklearn.metrics.PredictionErrorDisplay.from_estimator": ("(fitted('Ridge'), X, z)", "(fitted('Ridge'), X, z, ax=ax)"),
        "sklearn.Display.plot": ("()", "(ax=ax)"),
        "sklearn.metrics.classification_report": ("(y, y)", "(y, y, output_dict=True)"),
        "sklearn.inspection.permutation_importance": ("(ready, X, y, n_repeats=1)", "(ready, X, y, n_repeats=1, random_state=1)"),
        "sklearn.inspection.partial_dependence": ("(ready, X, [0])",),
        "sklearn.utils.resample": ("(X)", "(X, random_state=1)"),
        "sklearn.utils.shuffle": ("(X)", "(X, random_state=1)"),
        "sklearn.utils.compute_class_weight": ("('balanced', classes=np.array([0, 1]), y=y)",),
        "sklearn.utils.class_weight.compute_class_weight": ("('balanced', classes=np.array([0, 1]), y=y)",),
        "sklearn.tree.plot_tree": ("(fitted('DecisionTreeClassifier'))", "(fitted('DecisionTreeClassifier'), ax=ax)"),
        "sklearn.tree.export_graphviz": ("(fitted('DecisionTreeClassifier'), 'made.dot')",),
        "sklearn.set_config": ("(display='text')", "(display='diagram')"),
        "sklearn.utils.all_estimators": ("()",),
        "sklearn.preprocessing.label_binarize": ("(y, classes=[0, 1])",),
        "sklearn.datasets.make_moons": ("(noise=0.1)", "(random_state=1)"),
        "sklearn.datasets.make_circles": ("(noise=0.1)", "(random_state=1)"),
        "sklearn.datasets.make_hastie_10_2": ("(10)",),
        "sklearn.datasets.make_biclusters": ("((4, 4), 2)",),
        "sklearn.datasets.make_checkerboard": ("((4, 4), 2)",),
        "sklearn.datasets.make_sparse_coded_signal": ("(2, n_components=3, n_features=4, n_nonzero_coefs=1)",),
        "sklearn.datasets.make_swiss_roll": ("(9, noise=0.1)",),
        "sklearn.datasets.make_s_curve": ("(9)",),
        "sklearn.datasets.dump_svmlight_file": ("(X, y, 'made.svm')",),
        "sklearn.datasets.load_svmlight_file": ("((datasets.dump_svmlight_file(X, y, 'made.svm'), 'made.svm')[1])",),
        "sklearn.datasets.load_svmlight_files": ("([(datasets.dump_svmlight_file(X, y, 'made.svm'), 'made.svm')[1]])",),
        "sklearn.datasets.load_files": (
            "((__import__('os').makedirs('given/a', exist_ok=True), open('given/a/b.txt', 'w').close(), 'given')[2])",
        ),
        "sklearn.metrics.ndcg_score": ("(labels, scores)",),
        "sklearn.metrics.dcg_score": ("(labels, scores)",),
        "sklearn.metrics.consensus_score": ("((labels.T > 0, labels.T > 0), (labels.T > 0, labels.T > 0))",),
        "sklearn.metrics.coverage_error": ("(labels, scores)",),
        "sklearn.metrics.label_ranking_loss": ("(labels, scores)",),
        "sklearn.metrics.label_ranking_average_precision_score": ("(labels, scores)",),
        "sklearn.metrics.silhouette_score": ("(X, y)", "(X, y, sample_size=20, random_state=1)"),
        "sklearn.metrics.pairwise.haversine_distances": ("(X[:, :2])",),
        "sklearn.utils.extmath.softmax": ("(X)", "(X, copy=False)"),
        "sklearn.utils.extmath.randomized_svd": ("(X, 2)", "(X, 2, random_state=None)"),
        "sklearn.utils.extmath.density": ("(X)",),
        "sklearn.utils.safe_mask": ("(X, y == 1)",),
        "sklearn.utils.check_random_state": ("(None)", "(np.random.RandomState(1))"),
        "sklearn.utils.validation.check_random_state": ("(None)", "(np.random.RandomState(1))"),
        "sklearn.utils.validation.check_is_fitted": ("(ready)",),
        "sklearn.utils.validation.has_fit_parameter": ("(model, 'sample_weight')",),
    },
    only_examples=frozenset(_ELSEWHERE),
    # Nothing says of these that they change a value which is as they leave it.
    not_seen=frozenset(
        (
            "sklearn.Estimator.set_params",
            "sklearn.Estimator.set_output",
            "sklearn.Estimator.set_callbacks",
            "sklearn.Estimator.densify",
            "sklearn.FunctionTransformer.fit_transform",
        )
    ),
)
