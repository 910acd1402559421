"""What a measurement leaves on a model without changing a weight."""

from torch import nn


def left_on(model: nn.Module) -> str | None:
    """What was left on a model that had neither hooks nor gradients; None where nothing was.

    >>> layer = nn.Linear(1, 1)
    >>> hook = layer.register_forward_hook(lambda *_: None)
    >>> left_on(nn.Sequential(layer))
    'a hook on the model'
    >>> hook.remove()
    >>> left_on(nn.Sequential(layer)) is None
    True
    """
    names = [(part, name) for part in model.modules() for name in vars(part)]
    if any(vars(part)[name] for part, name in names if name.endswith("hooks")):
        return "a hook on the model"
    if any(weight.grad is not None for weight in model.parameters()):
        return "gradients in the model's .grad"
    return None
