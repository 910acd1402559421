"""The names of what a recording reads around each step, grouped by what one reading holds."""

PER_STEP = ("loss", "learning_rate", "non_finite", "train_mode")
TIMES = ("data_time_s", "compute_time_s")
WHERE_THERE_IS_ONE = ("amp_scale", "device_memory_bytes")
PER_WEIGHT_LAYER = ("gradient_norm", "weight_norm", "update_ratio")
PER_LAYER = ("activation_mean", "activation_std")
PER_RELU = ("dead_fraction",)
PER_BOUNDED = ("saturated_fraction",)
PER_FEATURE = ("input_mean", "input_std")
PER_CLASS = ("label_count",)
QUANTITIES = (
    *PER_STEP,
    *TIMES,
    *WHERE_THERE_IS_ONE,
    *PER_WEIGHT_LAYER,
    *PER_LAYER,
    *PER_RELU,
    *PER_BOUNDED,
    *PER_FEATURE,
    *PER_CLASS,
)
