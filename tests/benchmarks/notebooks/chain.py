# %% [markdown]
# # A table that every cell changes
# %%
import numpy as np
import pandas as pd

# %%
generator = np.random.default_rng(3)
df = pd.DataFrame({"group": generator.integers(0, 5000, 1_000_000), "value": generator.standard_normal(1_000_000)})
df["name"] = "g" + df["group"].astype(str)
# %%
df["rank"] = df.groupby("group")["value"].rank()
# %%
df = df.sort_values(["name", "rank"]).reset_index(drop=True)
# %%
df["rolling"] = df.groupby("group")["value"].transform(lambda values: values.rolling(5, min_periods=1).mean())
# %%
df["label"] = df["name"].str.upper().str.slice(0, 3)
# %%
table = df.pivot_table(index="label", values=["value", "rolling"], aggfunc=["mean", "std"])
# %%
df["share"] = df["value"].abs() / df.groupby("group")["value"].transform(lambda values: values.abs().sum())
# %%
print(table.shape, round(df["share"].sum(), 3))
