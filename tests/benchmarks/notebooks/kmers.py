# %% [markdown]
# # k-mers of four genomes, in plain Python
# %%
import random
from collections import Counter


# %%
def genome(seed, length=5_000_000):
    return "".join(random.Random(seed).choices("ACGT", k=length))


def count(text, k):
    found = Counter()
    for start in range(len(text) - k + 1):
        found[text[start : start + k]] += 1
    return found


# %%
first = count(genome(1), 6)
# %%
second = count(genome(2), 7)
# %%
third = count(genome(3), 8)
# %%
fourth = count(genome(4), 9)
# %%
for name, found in (("first", first), ("second", second), ("third", third), ("fourth", fourth)):
    print(name, len(found), found.most_common(1))
