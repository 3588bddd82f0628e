# %% [markdown]
# # Two large forests
# %%
import pandas as pd
from sklearn.datasets import make_regression
from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

# %%
X, y = make_regression(n_samples=5000, n_features=24, noise=3.0, random_state=1)
# %%
bagged = RandomForestRegressor(n_estimators=75, random_state=0).fit(X, y)
bagged_importance = pd.Series(bagged.feature_importances_)
# %%
extra = ExtraTreesRegressor(n_estimators=190, random_state=0).fit(X, y)
extra_importance = pd.Series(extra.feature_importances_)
# %%
print(bagged_importance.corr(extra_importance).round(3))
