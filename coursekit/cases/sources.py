"""Where the failures are described: the four documents of the course, and published work."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Source:
    """A place that describes a failure.

    Attributes:
        key: A short name: ``"D3"``.
        title: The title of the document, paper or page.
        section: Where in it.
    """

    key: str
    title: str
    section: str


D0 = "How can I address normalization issues during model training?"
D1 = "What causes unpredictable behavior in PyTorch neural networks during training?"
D2 = "Why is my PyTorch model not training?"
D3 = "Why is gradient descent with PyTorch resulting in high loss?"
