"""What can go wrong at a place, by what helps: trying again, logging in again, asking an administrator, or nothing."""

from __future__ import annotations

from nbcompile.model.errors import Denied, PlaceFailed

__all__ = ["AuthExpired", "CertificateEnded", "Denied", "Fatal", "Lost", "PlaceFailed", "Retryable", "Unsupported"]


class Retryable(PlaceFailed):
    """The place did not answer, or said that it is busy; what was asked may or may not have happened."""

    usual_advice = "try again; where that does not help, `nbcompile doctor` says more"


class AuthExpired(PlaceFailed):
    """The place does not accept the credential, or there is none any more: somebody must log in again."""


class CertificateEnded(AuthExpired):
    """The place does not accept the credential, whose certificate was for a time that is over."""

    code = "NB327"
    usual_advice = "get a new certificate from your site; a run that waits goes on by itself then"


class Lost(PlaceFailed):
    """What was there is not there any more, and nobody knows how it ended."""

    usual_advice = "run it again: what is not there any more is made again"


class Fatal(PlaceFailed):
    """The place cannot do this, now or later."""

    usual_advice = "`nbcompile doctor` says what the deployment has and can do"


class Unsupported(Fatal):
    """The backend does not claim to be able to do this."""
