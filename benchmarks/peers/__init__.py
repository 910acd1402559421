"""Other libraries doing the same work, one a module; each is imported only where it is installed.

A peer that is not there is left out, with the sentence that installs it: figures of a peer are
measured beside ours, never quoted.
"""

from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A library, and what must be there to run it.

    Attributes:
        title: Its name in words.
        modules: What is imported.
        packages: Whose versions its figures depend on.
        install: The command that brings it.
    """

    title: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    install: str

    @property
    def missing(self) -> str | None:
        """A sentence if it cannot run here; None if it can."""
        absent = [module for module in self.modules if find_spec(module) is None]
        if not absent:
            return None
        return (
            f"{self.title} is left out: {', '.join(absent)} cannot be imported here. "
            f"Install it with: {self.install}"
        )


LIGHTNING = Peer(
    title="Lightning",
    modules=("lightning",),
    packages=("lightning",),
    install="pip install 'coursekit[bench]'",
)
SKORCH = Peer(
    title="skorch",
    modules=("skorch",),
    packages=("skorch",),
    install="pip install 'coursekit[bench]'",
)
KERAS = Peer(
    title="Keras",
    modules=("keras", "tensorflow"),
    packages=("keras", "tensorflow"),
    install="pip install 'coursekit[keras]'",
)
# Without its dependencies: they bring torchvision, which it never imports, and which is built for
# one build of torch.
COCKPIT = Peer(
    title="Cockpit",
    modules=("cockpit", "backpack", "unfoldNd", "einops", "json_tricks", "pandas", "seaborn"),
    packages=("cockpit-for-pytorch", "backpack-for-pytorch"),
    install=(
        "pip install --no-deps cockpit-for-pytorch backpack-for-pytorch unfoldNd && "
        "pip install einops json-tricks pandas seaborn"
    ),
)


def split(*peers: Peer) -> tuple[list[Peer], list[str]]:
    """The peers that can run here, and a sentence for each of the others, printed too."""
    sentences = [sentence for peer in peers if (sentence := peer.missing) is not None]
    print("\n".join(sentences), end="\n" if sentences else "")
    return [peer for peer in peers if peer.missing is None], sentences
