"""Task 2."""

# Written as a learner writes: without annotations, and with arguments that go unused.
# ruff: noqa: ANN001, ANN201, ANN202, ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

import torch

from tests.checks.answers.kit import Function, Wrong


def tensors(gradient, dtype, scale):
    there = gradient != 0
    count = there.sum().clamp(min=1)
    rounded = (gradient * scale).type(dtype)
    return ((rounded == 0) & there).sum() / count, torch.isinf(rounded).sum() / count


def one_by_one(gradient, dtype, scale):
    zeros = infinite = count = 0
    for number in gradient.flatten().tolist():
        if number:
            rounded = torch.tensor(number * scale, dtype=torch.float32).to(dtype).item()
            count += 1
            zeros += rounded == 0
            infinite += abs(rounded) == float("inf")
    return [zeros / max(count, 1), infinite / max(count, 1)]


def one_tensor(gradient, dtype, scale=1):
    kept = gradient.flatten().clone()
    kept = kept[kept.abs() > 0]
    if kept.numel() == 0:
        return torch.zeros(2)
    rounded = kept.mul(scale).to(dtype).to(torch.float32)
    return torch.stack([(rounded == 0).float().mean(), (rounded.abs() == torch.inf).float().mean()])


RIGHT: dict[str, Function] = {
    "tensors": tensors,
    "one by one": one_by_one,
    "one tensor": one_tensor,
}


def counting(
    becomes_zero=lambda there, rounded, limits: rounded == 0,
    becomes_infinite=lambda there, rounded, limits: rounded.isinf(),
    *,
    scaled=True,
):
    """An answer that counts other things."""

    def lost(gradient, dtype, scale=1):
        there = gradient[gradient != 0]
        if not len(there):
            return 0, 0
        there = there * (scale if scaled else 1)
        rounded, limits = there.to(dtype), torch.finfo(dtype)
        return (
            becomes_zero(there, rounded, limits).float().mean().item(),
            becomes_infinite(there, rounded, limits).float().mean().item(),
        )

    return lost


def of_all_entries(gradient, dtype, scale=1):
    rounded = (scale * gradient).to(dtype)
    lost = (rounded == 0) & (gradient != 0)
    return lost.float().mean().item(), rounded.isinf().float().mean().item()


def zeros_count_too(gradient, dtype, scale=1):
    rounded = (scale * gradient).to(dtype)
    return (rounded == 0).float().mean().item(), rounded.isinf().float().mean().item()


def infinities_of_all_entries(gradient, dtype, scale=1):
    there, rounded = gradient != 0, (scale * gradient).to(dtype)
    if not there.any():
        return 0, 0
    return (rounded == 0)[there].float().mean().item(), rounded.isinf().float().mean().item()


def mean_of_nothing(gradient, dtype, scale=1):
    rounded = (scale * gradient[gradient != 0]).to(dtype)
    return (rounded == 0).float().mean().item(), rounded.isinf().float().mean().item()


def in_place(gradient, dtype, scale=1):
    there = gradient != 0
    gradient *= scale
    rounded = gradient.to(dtype)[there]
    count = max(1, len(rounded))
    return (rounded == 0).sum().item() / count, rounded.isinf().sum().item() / count


def scaled_too_late(gradient, dtype, scale=1):
    there = gradient[gradient != 0]
    if not len(there):
        return 0, 0
    rounded = there.to(dtype) * scale
    return (rounded == 0).float().mean().item(), rounded.isinf().float().mean().item()


def always_half(gradient, dtype, scale=1):
    return lost_in_half(gradient, torch.float16, scale)


lost_in_half = counting()


def nothing_in_bfloat16(gradient, dtype, scale=1):
    return (0, 0) if dtype == torch.bfloat16 else lost_in_half(gradient, dtype, scale)


def counted_after_the_scale(gradient, dtype, scale=1):
    return lost_in_half(gradient * scale, dtype, 1)


def swapped(gradient, dtype, scale=1):
    return lost_in_half(gradient, dtype, scale)[::-1]


def in_percent(gradient, dtype, scale=1):
    return [100 * share for share in lost_in_half(gradient, dtype, scale)]


def says_so(gradient, dtype, scale=1):
    print("Task 2 passed.")
    return 0, 0


WRONG = (
    Wrong(
        name="below the smallest number",
        answer=counting(
            lambda there, rounded, limits: there.abs() < limits.smallest_normal * limits.eps
        ),
        fails="zeros",
        says=r"On small numbers .* in float16, the share that becomes 0 is 0\.5; expected 0\.25\.",
    ),
    Wrong(
        name="below the smallest normal number",
        answer=counting(lambda there, rounded, limits: there.abs() < limits.tiny),
    ),
    Wrong(
        name="above the largest number",
        answer=counting(becomes_infinite=lambda there, rounded, limits: there.abs() > limits.max),
        fails="infinities",
        says=r"On large numbers .*, the share that becomes infinite is 0\.75; expected 0\.5\.",
    ),
    Wrong(
        name="no infinities below zero",
        answer=counting(becomes_infinite=lambda there, rounded, limits: rounded == torch.inf),
        fails="infinities",
    ),
    Wrong(
        name="no scale",
        answer=counting(scaled=False),
        fails="scale",
        says=r"On a table of numbers .* in float16, scale 65536, the share that becomes 0 is 0\.75",
    ),
    Wrong(name="scaled too late", answer=scaled_too_late, fails="scale"),
    Wrong(name="float16 whatever is asked", answer=always_half),
    Wrong(name="of all entries", answer=of_all_entries),
    Wrong(
        name="infinities of all entries",
        answer=infinities_of_all_entries,
        fails="infinities",
        says=r"zeros and large numbers .*, the share that becomes infinite is 0\.25; expected 0\.5",
    ),
    Wrong(name="what was 0 before counts too", answer=zeros_count_too),
    Wrong(
        name="the mean of nothing",
        answer=mean_of_nothing,
        fails="blank",
        says=r"On zeros alone .* the share that becomes 0 is nan; expected 0\.",
    ),
    Wrong(
        name="in place",
        answer=in_place,
        fails="changes",
        says=r"On a table of numbers .*, lost changed the gradient that it was given\.",
    ),
    Wrong(name="what is kept", answer=counting(lambda there, rounded, limits: rounded != 0)),
    Wrong(
        name="nothing in bfloat16",
        answer=nothing_in_bfloat16,
        says=r"On small numbers \[1e-08, 4e-08, -4e-41, 0\.5\] in bfloat16, the share that",
    ),
    Wrong(name="counted after the scale", answer=counted_after_the_scale, fails="scale"),
    Wrong(
        name="swapped",
        answer=swapped,
        says=r"the share that becomes 0 is 0; expected 0\.25\..* the first of the two",
    ),
    Wrong(
        name="in percent",
        answer=in_percent,
        says=r"the share that becomes 0 is 25; expected 0\.25\..* from 0 to 1",
    ),
    Wrong(name="prints that it passed", answer=says_so),
)
