"""The catalogue: every documented failure as a case. `CASES` is the list, in lesson order."""

from coursekit.cases.architecture import (
    bce_integer_labels,
    dead_relu,
    exploding_initialisation,
    exploding_updates,
    logits_as_probabilities,
    mse_for_classes,
    saturated_activations,
    saturated_mse,
    softmax_before_cross_entropy,
    vanishing_gradients,
    vanishing_initialisation,
)
from coursekit.cases.case import Case
from coursekit.cases.data import (
    channel_order,
    duplicates_across_split,
    forgotten_normalize,
    label_noise,
    misaligned_labels,
    raw_test_set,
    selection_before_split,
    unscaled_features,
    unshuffled_loader,
    value_range,
)
from coursekit.cases.normalization import (
    batchnorm_frozen,
    batchnorm_momentum,
    batchnorm_tiny_batch,
    eval_forgotten,
    normalisation_learning_rate,
)
from coursekit.cases.optimization import (
    cosine_comes_back,
    decay_too_early,
    edge_of_stability,
    frozen_parameters,
    learning_rate_too_high,
    learning_rate_too_low,
    missing_zero_grad,
    momentum_too_high,
    no_decay,
    plateau_per_batch,
    plateau_wrong_mode,
    scheduler_per_batch,
    stale_optimizer,
)
from coursekit.errors import unknown

CASES: tuple[Case, ...] = (
    # 01_unscaled_features
    unscaled_features.CASE,
    # 02_mismatched_transforms
    channel_order.CASE,
    forgotten_normalize.CASE,
    raw_test_set.CASE,
    value_range.CASE,
    # 03_learning_rate
    edge_of_stability.CASE,
    learning_rate_too_high.CASE,
    learning_rate_too_low.CASE,
    # 04_vanishing_gradients
    dead_relu.CASE,
    saturated_activations.CASE,
    vanishing_gradients.CASE,
    vanishing_initialisation.CASE,
    # 05_wrong_loss
    bce_integer_labels.CASE,
    logits_as_probabilities.CASE,
    mse_for_classes.CASE,
    saturated_mse.CASE,
    softmax_before_cross_entropy.CASE,
    # 06_broken_loop
    unshuffled_loader.CASE,
    frozen_parameters.CASE,
    missing_zero_grad.CASE,
    stale_optimizer.CASE,
    # 07_leakage
    duplicates_across_split.CASE,
    selection_before_split.CASE,
    # 08_missing_and_corrupted_data
    label_noise.CASE,
    misaligned_labels.CASE,
    # 11_normalisation_layers
    batchnorm_frozen.CASE,
    batchnorm_momentum.CASE,
    batchnorm_tiny_batch.CASE,
    eval_forgotten.CASE,
    normalisation_learning_rate.CASE,
    # 12_exploding_gradients
    exploding_initialisation.CASE,
    exploding_updates.CASE,
    # 13_optimizers_and_schedules
    cosine_comes_back.CASE,
    decay_too_early.CASE,
    momentum_too_high.CASE,
    no_decay.CASE,
    plateau_per_batch.CASE,
    plateau_wrong_mode.CASE,
    scheduler_per_batch.CASE,
)


def get_case(name: str) -> Case:
    """The case of that name.

    Raises:
        UnknownNameError: There is no such case.

    >>> get_case("unscaled-features").family
    'data'
    """
    for case in CASES:
        if case.name == name:
            return case
    raise unknown("case", name, [case.name for case in CASES])
