"""torch tensors on their way into a payload and out of it: their storages keep sharing memory, and gradients are not lost."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, Dict, Tuple

from .extents import Extent, Extents

# The number of the extent of a storage without bytes.
NO_MEMORY = -1


class TensorReducer:
    """Reduces the tensors of one frame to their storage and their view of it."""

    def __init__(self, extents: Extents, tensor: Any, parameter: Any, storage: Any, fail: Callable[[Any, str, str], Any]) -> None:
        self._extents = extents
        self._tensor, self._parameter, self._storage = tensor, parameter, storage
        self._fail = fail
        self._storages: Dict[int, Any] = {}

    def reduce_tensor(self, value: Any) -> Any:
        """A tensor that is a leaf, on the CPU, and dense."""
        torch = sys.modules["torch"]
        if value.grad_fn is not None:
            return self._fail(value, "a tensor", "it is part of a graph of gradients")
        if value.device.type != "cpu" or value.layout is not torch.strided or value.is_quantized:
            return value.__reduce_ex__(5)
        state = (value.requires_grad, value.grad, value.__dict__ or None)
        layout = tuple(value.shape), value.stride(), value.storage_offset()
        return self._tensor, (self._shared(value), value.dtype, layout, state)

    def reduce_parameter(self, value: Any) -> Any:
        """A parameter keeps its gradient."""
        return self._parameter, (value.data, value.requires_grad, value.grad, value.__dict__ or None)

    def _shared(self, value: Any) -> Any:
        storage = value.untyped_storage()
        address = storage.data_ptr()
        if address not in self._storages:
            view = _bytes_of(storage)
            extent = self._extents.add(Extent(address, storage.nbytes(), storage, view, "")) if storage.nbytes() else NO_MEMORY
            self._storages[address] = _StorageReference(self._storage, extent)
        return self._storages[address]


class _StorageReference:
    """Stands for the memory that several tensors may share, while they are pickled."""

    def __init__(self, storage: Any, extent: int) -> None:
        self._storage = storage
        self._extent = extent

    def __reduce__(self) -> Any:
        return self._storage, (self._extent,)


def _bytes_of(storage: Any) -> Any:
    torch = sys.modules["torch"]
    return memoryview(torch.empty(0, dtype=torch.uint8).set_(storage).numpy()) if storage.nbytes() else None


def rebuild_storage(content: Any) -> Any:
    """A storage over mapped memory."""
    torch = importlib.import_module("torch")
    if len(content) == 0:
        return torch.UntypedStorage(0)
    return torch.frombuffer(content, dtype=torch.uint8).untyped_storage()


def rebuild_tensor(storage: Any, dtype: Any, layout: Tuple[Any, ...], state: Tuple[Any, ...]) -> Any:
    """A tensor over a storage; `layout` is its shape, stride and offset."""
    torch = importlib.import_module("torch")
    requires_grad, gradient, attributes = state
    shape, stride, offset = layout
    made = torch.empty(0, dtype=dtype).set_(storage, offset, shape, stride)
    made.requires_grad_(requires_grad)
    if gradient is not None:
        made.grad = gradient
    if attributes:
        made.__dict__.update(attributes)
    return made


def rebuild_parameter(data: Any, requires_grad: bool, gradient: Any, attributes: Any) -> Any:
    """A parameter over a tensor."""
    torch = importlib.import_module("torch")
    made = torch.nn.Parameter(data, requires_grad)
    if gradient is not None:
        made.grad = gradient
    if attributes:
        made.__dict__.update(attributes)
    return made
