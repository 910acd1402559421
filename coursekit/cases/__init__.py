"""The catalogue: every documented failure as a case. `CASES` is the list, in lesson order."""

from coursekit.cases.architecture import (
    bce_integer_labels,
    dead_relu,
    deep_plain_net,
    exploding_initialisation,
    exploding_recurrent,
    exploding_updates,
    flattened_batch,
    input_size_mismatch,
    label_dtype,
    label_out_of_range,
    logits_as_probabilities,
    mse_for_classes,
    naive_softmax_overflow,
    overfitting,
    saturated_activations,
    saturated_mse,
    silent_broadcast,
    softmax_before_cross_entropy,
    too_little_capacity,
    too_much_dropout,
    vanishing_gradients,
    vanishing_initialisation,
    zero_initialisation,
)
from coursekit.cases.case import Case
from coursekit.cases.data import (
    augmentation_left_on,
    augmented_before_split,
    batch_too_large,
    batch_too_small,
    channel_order,
    class_imbalance,
    corrupted_rows,
    duplicates_across_split,
    forgotten_normalize,
    global_imputation,
    groups_across_split,
    imbalance_threshold,
    label_noise,
    misaligned_labels,
    one_nan,
    outliers_under_scaling,
    oversampled_before_split,
    raw_test_set,
    scaler_on_all_rows,
    scaler_refitted_per_batch,
    selection_before_split,
    sorted_validation_split,
    target_in_disguise,
    too_little_data,
    unscaled_features,
    unshuffled_loader,
    value_range,
)
from coursekit.cases.normalization import (
    batchnorm_frozen,
    batchnorm_momentum,
    batchnorm_tiny_batch,
    covariate_shift_myth,
    eval_forgotten,
    gradient_underflow,
    half_precision_overflow,
    last_small_batch,
    normalisation_learning_rate,
    recurrent_layernorm,
    spectral_norm,
    weight_norm,
)
from coursekit.cases.optimization import (
    cosine_comes_back,
    coupled_weight_decay,
    decay_too_early,
    edge_of_stability,
    frozen_parameters,
    learning_rate_too_high,
    learning_rate_too_low,
    missing_zero_grad,
    momentum_too_high,
    no_decay,
    optimizer_choice,
    plateau_per_batch,
    plateau_wrong_mode,
    scheduler_per_batch,
    stale_optimizer,
    three_faults,
    weight_decay_too_high,
)
from coursekit.errors import unknown

CASES: tuple[Case, ...] = (
    # 01_unscaled_features
    unscaled_features.CASE,
    # 02_mismatched_transforms
    augmentation_left_on.CASE,
    channel_order.CASE,
    forgotten_normalize.CASE,
    raw_test_set.CASE,
    scaler_refitted_per_batch.CASE,
    value_range.CASE,
    # 03_learning_rate
    edge_of_stability.CASE,
    learning_rate_too_high.CASE,
    learning_rate_too_low.CASE,
    scheduler_per_batch.CASE,
    # 04_vanishing_gradients
    deep_plain_net.CASE,
    saturated_activations.CASE,
    vanishing_gradients.CASE,
    vanishing_initialisation.CASE,
    zero_initialisation.CASE,
    # 05_wrong_loss
    bce_integer_labels.CASE,
    flattened_batch.CASE,
    input_size_mismatch.CASE,
    label_dtype.CASE,
    label_out_of_range.CASE,
    logits_as_probabilities.CASE,
    mse_for_classes.CASE,
    naive_softmax_overflow.CASE,
    saturated_mse.CASE,
    silent_broadcast.CASE,
    softmax_before_cross_entropy.CASE,
    # 06_broken_loop
    eval_forgotten.CASE,
    last_small_batch.CASE,
    unshuffled_loader.CASE,
    batch_too_large.CASE,
    batch_too_small.CASE,
    frozen_parameters.CASE,
    missing_zero_grad.CASE,
    stale_optimizer.CASE,
    # 07_leakage
    augmented_before_split.CASE,
    duplicates_across_split.CASE,
    groups_across_split.CASE,
    oversampled_before_split.CASE,
    scaler_on_all_rows.CASE,
    selection_before_split.CASE,
    target_in_disguise.CASE,
    # 08_missing_and_corrupted_data
    corrupted_rows.CASE,
    global_imputation.CASE,
    label_noise.CASE,
    misaligned_labels.CASE,
    one_nan.CASE,
    outliers_under_scaling.CASE,
    # 09_accuracy_that_lies
    class_imbalance.CASE,
    imbalance_threshold.CASE,
    sorted_validation_split.CASE,
    # 10_capacity_and_overfitting
    overfitting.CASE,
    too_little_capacity.CASE,
    too_much_dropout.CASE,
    too_little_data.CASE,
    # 11_normalisation_layers
    batchnorm_frozen.CASE,
    batchnorm_momentum.CASE,
    batchnorm_tiny_batch.CASE,
    covariate_shift_myth.CASE,
    normalisation_learning_rate.CASE,
    recurrent_layernorm.CASE,
    spectral_norm.CASE,
    weight_norm.CASE,
    # 12_exploding_gradients
    exploding_initialisation.CASE,
    exploding_recurrent.CASE,
    exploding_updates.CASE,
    dead_relu.CASE,
    # 13_optimizers_and_schedules
    cosine_comes_back.CASE,
    coupled_weight_decay.CASE,
    decay_too_early.CASE,
    momentum_too_high.CASE,
    no_decay.CASE,
    optimizer_choice.CASE,
    plateau_per_batch.CASE,
    plateau_wrong_mode.CASE,
    weight_decay_too_high.CASE,
    # 14_precision_and_devices
    half_precision_overflow.CASE,
    gradient_underflow.CASE,
    # 15_the_procedure
    three_faults.CASE,
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
