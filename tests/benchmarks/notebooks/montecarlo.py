# %% [markdown]
# # Four simulations with numpy
# %%
import numpy as np

# %%
STEPS = 2000
PATHS = 60_000


def walk(seed, drift, volatility):
    generator = np.random.default_rng(seed)
    value = np.full(PATHS, 100.0)
    top = value.copy()
    for _ in range(STEPS):
        value *= np.exp(drift + volatility * generator.standard_normal(PATHS))
        np.maximum(top, value, out=top)
    return value, top


# %%
calm, calm_top = walk(1, 0.0001, 0.005)
# %%
rough, rough_top = walk(2, 0.0001, 0.02)
# %%
rising, rising_top = walk(3, 0.001, 0.01)
# %%
falling, falling_top = walk(4, -0.001, 0.01)
# %%
for name, value, top in (
    ("calm", calm, calm_top),
    ("rough", rough, rough_top),
    ("rising", rising, rising_top),
    ("falling", falling, falling_top),
):
    print(f"{name}: {value.mean():.3f} {np.percentile(top, 95):.3f}")
