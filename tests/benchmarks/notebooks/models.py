# %% [markdown]
# # Four models on one data set
# %%
import numpy as np
import pandas as pd
from sklearn.datasets import make_classification
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

# %%
X, y = make_classification(n_samples=9000, n_features=30, n_informative=12, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
# %%
forest = RandomForestClassifier(n_estimators=180, random_state=0).fit(X_train, y_train)
forest_score = forest.score(X_test, y_test)
# %%
boosting = GradientBoostingClassifier(n_estimators=70, random_state=0).fit(X_train, y_train)
boosting_score = boosting.score(X_test, y_test)
# %%
trees = ExtraTreesClassifier(n_estimators=550, random_state=0).fit(X_train, y_train)
trees_score = trees.score(X_test, y_test)
# %%
svm = SVC(C=12.0, gamma=0.05).fit(X_train, y_train)
svm_score = svm.score(X_test, y_test)
# %%
scores = pd.Series({"forest": forest_score, "boosting": boosting_score, "trees": trees_score, "svm": svm_score})
print(scores.round(3))
