# %% [markdown]
# # A simulation whose cells go on where the last one stopped
# %%
import math

# %%
bodies = [(math.cos(k), math.sin(k), -math.sin(k) * 0.8, math.cos(k) * 0.8) for k in range(40)]


def advance(bodies, steps, dt=0.001):
    for _ in range(steps):
        moved = []
        for x, y, u, v in bodies:
            r3 = (x * x + y * y) ** 1.5
            u -= dt * x / r3
            v -= dt * y / r3
            moved.append((x + dt * u, y + dt * v, u, v))
        bodies = moved
    return bodies


# %%
bodies = advance(bodies, 60_000)
# %%
early = max(math.hypot(x, y) for x, y, _, _ in bodies)
# %%
bodies = advance(bodies, 60_000)
# %%
bodies = advance(bodies, 60_000)
# %%
print(round(early, 6), round(max(math.hypot(x, y) for x, y, _, _ in bodies), 6))
