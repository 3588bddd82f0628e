"""Examples for the rows of Requests, without a network."""

from tests.known.prove import Library

LIBRARY = Library(
    "requests",
    modules={"requests": "requests"},
    names={"session": "requests.Session()"},
    types={"requests.Session": object, "requests.Response": object, "requests.Request": object, "scalar": object},
    receivers={
        "requests.Session": "session",
        "requests.Response": "requests.Response()",
        "requests.Request": "requests.Request('GET', 'http://a.example')",
    },
    ladder=("()", "('a', 'b')"),
    calls={
        "requests.Session.mount": ("('http://', requests.adapters.HTTPAdapter())",),
        "requests.Session.prepare_request": ("(requests.Request('GET', 'http://a.example'))",),
        "requests.Session..headers=": ("({'a': 'b'})",),
    },
    only_examples=frozenset(
        (
            "requests.get",
            "requests.head",
            "requests.options",
            "requests.post",
            "requests.put",
            "requests.patch",
            "requests.delete",
            "requests.request",
        )
    ),
    not_seen=frozenset(("requests.Session", "requests.Response")),
)
