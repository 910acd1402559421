"""The catalogue: every documented failure as a case. `CASES` is the list, in lesson order.

A case is loaded when it is asked for: a lesson needs a few of them, and not what all others import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from coursekit.cases.case import Case
from coursekit.errors import BadInputError, unknown

if TYPE_CHECKING:
    CASES: tuple[Case, ...]

__all__ = ["CASES", "get_case"]

# Family and file of each case, in lesson order.
_PLACES = (
    # 01_unscaled_features
    "data.unscaled_features",
    # 02_mismatched_transforms
    "data.augmentation_left_on",
    "data.channel_order",
    "data.forgotten_normalize",
    "data.raw_test_set",
    "data.scaler_refitted_per_batch",
    "data.value_range",
    # 03_learning_rate
    "optimization.edge_of_stability",
    "optimization.learning_rate_too_high",
    "optimization.learning_rate_too_low",
    "optimization.scheduler_per_batch",
    # 04_vanishing_gradients
    "architecture.deep_plain_net",
    "architecture.saturated_activations",
    "architecture.vanishing_gradients",
    "architecture.vanishing_initialisation",
    "architecture.zero_initialisation",
    # 05_wrong_loss
    "architecture.bce_integer_labels",
    "architecture.flattened_batch",
    "architecture.input_size_mismatch",
    "architecture.label_dtype",
    "architecture.label_out_of_range",
    "architecture.logits_as_probabilities",
    "architecture.mse_for_classes",
    "architecture.naive_softmax_overflow",
    "architecture.saturated_mse",
    "architecture.silent_broadcast",
    "architecture.softmax_before_cross_entropy",
    # 06_broken_loop
    "normalization.eval_forgotten",
    "normalization.last_small_batch",
    "data.unshuffled_loader",
    "data.batch_too_large",
    "data.batch_too_small",
    "optimization.frozen_parameters",
    "optimization.missing_zero_grad",
    "optimization.stale_optimizer",
    # 07_leakage
    "data.augmented_before_split",
    "data.duplicates_across_split",
    "data.groups_across_split",
    "data.oversampled_before_split",
    "data.scaler_on_all_rows",
    "data.selection_before_split",
    "data.target_in_disguise",
    # 08_missing_and_corrupted_data
    "data.corrupted_rows",
    "data.global_imputation",
    "data.label_noise",
    "data.misaligned_labels",
    "data.one_nan",
    "data.outliers_under_scaling",
    # 09_accuracy_that_lies
    "data.class_imbalance",
    "data.imbalance_threshold",
    "data.sorted_validation_split",
    "data.too_little_data",
    # 10_capacity_and_overfitting
    "architecture.overfitting",
    "architecture.too_little_capacity",
    "architecture.too_much_dropout",
    "optimization.weight_decay_too_high",
    # 11_normalisation_layers
    "normalization.batchnorm_frozen",
    "normalization.batchnorm_momentum",
    "normalization.batchnorm_tiny_batch",
    "normalization.covariate_shift_myth",
    "normalization.normalisation_learning_rate",
    "normalization.recurrent_layernorm",
    "normalization.spectral_norm",
    "normalization.weight_norm",
    # 12_exploding_gradients
    "architecture.exploding_initialisation",
    "architecture.exploding_recurrent",
    "architecture.exploding_updates",
    "architecture.dead_relu",
    # 13_optimizers_and_schedules
    "optimization.cosine_comes_back",
    "optimization.coupled_weight_decay",
    "optimization.decay_too_early",
    "optimization.momentum_too_high",
    "optimization.no_decay",
    "optimization.optimizer_choice",
    "optimization.plateau_per_batch",
    "optimization.plateau_wrong_mode",
    # 14_precision_and_devices
    "normalization.half_precision_overflow",
    "normalization.gradient_underflow",
    # 15_the_procedure
    "optimization.three_faults",
)
_HOMES = {
    place.partition(".")[2].replace("_", "-"): f"coursekit.cases.{place}" for place in _PLACES
}


def get_case(name: str) -> Case:
    """The case of that name.

    Raises:
        UnknownNameError: There is no such case.
        BadInputError: The catalogue lists it, and its file is not there.

    >>> get_case("unscaled-features").family
    'data'
    """
    if name not in _HOMES:
        raise unknown("case", name, list(_HOMES))
    home = _HOMES[name]
    try:
        case: Case = import_module(home).CASE
    except ModuleNotFoundError as error:
        if error.name is None or not f"{home}.".startswith(f"{error.name}."):
            raise  # the file is there, and a package that it needs is not
        raise BadInputError(
            f"_PLACES in coursekit/cases/__init__.py lists "
            f"{home.removeprefix('coursekit.cases.')!r}, and there is no "
            f"{home.replace('.', '/')}.py. Write it there, or mend the line: family.file_name."
        ) from error
    return case


def __getattr__(name: str) -> Any:
    if name != "CASES":
        raise AttributeError(f"module 'coursekit.cases' has no attribute {name!r}")
    return tuple(map(get_case, _HOMES))
