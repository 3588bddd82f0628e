# %% [markdown]
# # One recording, three analyses
# %%
import numpy as np
from scipy import ndimage, signal

# %%
generator = np.random.default_rng(7)
recording = generator.standard_normal((64, 150_000)).cumsum(axis=1)
# %%
spectrum = np.stack([signal.welch(channel, nperseg=256, noverlap=160)[1] for channel in recording])
# %%
smooth = ndimage.median_filter(recording, size=(1, 31))
# %%
b, a = signal.butter(6, 0.2)
filtered = recording
for _ in range(14):
    filtered = signal.filtfilt(b, a, filtered, axis=1)
# %%
print(spectrum.shape, round(float(smooth.std()), 3), round(float(filtered.std()), 3))
