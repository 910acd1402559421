"""Put back what a measurement of a Keras model writes, so that it changes nothing."""

from typing import Any

_READS = ("ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape")


class Untouched:
    """``with Untouched(model, graph): …``: variables that the graph writes keep their values.

    A pass in inference mode writes little: the metrics that count each loss of a model with
    several outputs, and the seed of a layer that draws numbers in inference too.

    Attributes:
        variables: The variables that are put back. Of a graph, those that anything but a reading
            operation gets; without a graph, all of the model's that are not trained.
    """

    def __init__(self, model: Any, graph: Any) -> None:
        every = [*model.non_trainable_variables, *model.metrics_variables]
        self.variables = (
            list({id(one): one.value for one in every}.values())
            if graph is None
            else _written(graph)
        )
        self._before: list[Any] = []

    def __enter__(self) -> None:
        self._before = [variable.read_value() for variable in self.variables]

    def __exit__(self, *_: object) -> None:
        for variable, before in zip(self.variables, self._before, strict=True):
            variable.assign(before)
        self._before = []


def _written(graph: Any) -> list[Any]:
    """The variables that a concrete function may write."""
    handles = {
        id(outer)
        for outer, inner in graph.graph.captures
        if any(operation.type not in _READS for operation in inner.consumers())
    }
    return [variable for variable in graph.graph.variables if id(variable.handle) in handles]
