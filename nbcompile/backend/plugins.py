"""Find backends by name; import only the one that is asked for."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from nbcompile.backend.contract import API_VERSION, Backend
from nbcompile.model.errors import UsageError

GROUP = "nbcompile.backends"
_OWN = "nbcompile"


class BackendUnavailable(UsageError):
    """There is no usable backend of that name."""


def available() -> tuple[str, ...]:
    """The names of the installed backends, none of which is imported."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def load(name: str) -> Backend:
    """The backend of that name. Ours win over others of the same name; two others of one name are refused."""
    entries = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    own = [entry for entry in entries if _owner(entry) == _OWN]
    match own or entries:
        case []:
            raise BackendUnavailable(f"there is no backend called `{name}`", f"installed are {', '.join(available()) or 'none'}")
        case [entry, *others] if not others or own:
            return _checked(entry)
        case several:
            owners = ", ".join(sorted(_owner(entry) for entry in several))
            raise BackendUnavailable(f"the backend `{name}` is offered by {owners}", "keep one of them installed")


def _checked(entry: EntryPoint) -> Backend:
    try:
        kind = entry.load()
    except ImportError as error:
        advice = f"install it with `pip install 'nbcompile[{entry.name}]'`" if _owner(entry) == _OWN else f"reinstall {_owner(entry)}"
        raise BackendUnavailable(f"the backend `{entry.name}` cannot be imported: {error}", advice) from None
    if getattr(kind, "api_version", None) != API_VERSION:
        raise BackendUnavailable(
            f"the backend `{entry.name}` of {_owner(entry)} is written for version {getattr(kind, 'api_version', None)} of the contract, "
            f"and this is version {API_VERSION}",
            "install versions that belong together",
        )
    backend: Backend = kind()
    return backend


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "an unknown distribution"
