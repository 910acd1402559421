"""Each way in which a GPU stays unused, as facts: one sentence, and none on a sound machine."""

from dataclasses import replace

import pytest

from coursekit.device.facts import Driver, Facts, Gpu, as_version
from coursekit.device.machine import choice
from coursekit.device.mismatch import mismatches

ARCHITECTURES = ("sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120")
H100 = Gpu(
    device="cuda:0", name="NVIDIA H100", architecture="sm_90", memory_gb=85.0, free_gb=84.0,
    bfloat16=True,
)  # fmt: skip
MI250 = replace(H100, name="AMD MI250", architecture="gfx90a:sramecc+:xnack-")
DRIVER = Driver(cuda=(13, 0), gpus=("NVIDIA H100",))

PLAIN = Facts(system="Linux", processor="x86_64", torch="2.13.0+cpu")
CUDA = replace(PLAIN, torch="2.13.0+cu130", torch_cuda="13.0", torch_architectures=ARCHITECTURES)
SOUND = replace(CUDA, nvidia=DRIVER, gpus=(H100,))
UNUSED = replace(CUDA, nvidia=DRIVER)
ROCM = replace(PLAIN, torch="2.13.0+rocm7.1", torch_rocm="7.1", torch_architectures=("gfx90a",))
MAC = Facts(
    system="Darwin", processor="arm64", torch="2.13.0", macos=(15, 1), mps_built=True, mps=True
)


def hiding(value: str, name: str = "CUDA_VISIBLE_DEVICES") -> tuple[tuple[str, str], ...]:
    """A variable that chooses among GPUs."""
    return ((name, value),)


@pytest.mark.parametrize(
    "facts",
    [
        PLAIN,
        SOUND,
        replace(SOUND, nvidia=replace(DRIVER, cuda=(12, 2))),  # forward compatibility is installed
        replace(SOUND, nvidia=None),  # no nvidia-smi and no library, and yet it runs
        replace(SOUND, hiding=hiding("0")),
        replace(SOUND, tensorflow="2.21.0"),
        replace(PLAIN, tensorflow="2.21.0", tensorflow_lacks=("nvidia-cudnn-cu12",)),
        replace(PLAIN, hiding=hiding("")),
        replace(ROCM, gpus=(MI250,), amd=True, tensorflow="2.21.0", tensorflow_lacks=("a",)),
        MAC,
        replace(PLAIN, system="Windows"),
    ],
)
def test_a_sound_machine_gets_no_sentence(facts: Facts) -> None:
    """Also a plain CPU, and what is unusual and works."""
    assert mismatches(facts) == ()


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (replace(PLAIN, nvidia=DRIVER), ("NVIDIA H100", "2.13.0+cpu", "without CUDA")),
        (replace(PLAIN, nvidia=Driver(cuda=(13, 0))), ("an NVIDIA driver", "without CUDA")),
        (CUDA, ("CUDA 13.0", "no NVIDIA driver", "--gpus all")),
        (
            replace(UNUSED, nvidia=replace(DRIVER, cuda=(12, 2))),
            ("up to 12.2", "CUDA 13.0", "too old", "for CUDA 12"),
        ),
        (
            replace(CUDA, nvidia=Driver(complaint="nvidia-smi says: Version mismatch.")),
            ("says: Version mismatch. Restart",),
        ),
        (replace(PLAIN, nvidia=Driver(complaint="It failed.")), ("It failed. Restart",)),
        (replace(UNUSED, hiding=hiding("")), ("CUDA_VISIBLE_DEVICES=''", "H100", "Unset")),
        (replace(UNUSED, hiding=hiding("-1")), ("CUDA_VISIBLE_DEVICES='-1'", "H100")),
        (replace(UNUSED, hiding=hiding("1,0")), ("CUDA_VISIBLE_DEVICES='1,0'", "H100")),
        (replace(CUDA, nvidia=Driver(cuda=(13, 0)), hiding=hiding("")), ("CUDA_VISIBLE_DEVICES",)),
        (UNUSED, ("NVIDIA H100", "cannot start CUDA", "torch.cuda.init()")),
        (replace(UNUSED, hiding=hiding("0,7")), ("cannot start CUDA",)),
        (replace(UNUSED, hiding=hiding("GPU-1f2e")), ("cannot start CUDA",)),
        (replace(CUDA, nvidia=Driver(cuda=(13, 0))), ("names no GPU", "--gpus all")),
        (
            replace(SOUND, gpus=(H100, replace(H100, device="cuda:1", architecture="sm_70"))),
            ("cuda:1", "sm_70", "no kernel image", "sm_75, sm_80"),
        ),
        (ROCM, ("ROCm 7.1", "/dev/kfd")),
        (replace(ROCM, nvidia=DRIVER), ("ROCm 7.1", "/dev/kfd", "has NVIDIA H100")),
        (replace(ROCM, amd=True), ("ROCm 7.1", "render")),
        (replace(ROCM, amd=True, hiding=hiding("", "HIP_VISIBLE_DEVICES")), ("HIP_VIS", "AMD")),
        (replace(ROCM, amd=True, gpus=(replace(MI250, architecture="gfx803"),)), ("gfx803",)),
        (replace(PLAIN, amd=True), ("AMD", "without ROCm")),
        (replace(MAC, mps=False, processor="x86_64"), ("x86_64", "arm64")),
        (replace(MAC, mps=False, mps_built=False), ("without MPS",)),
        (replace(MAC, mps=False, macos=(13, 7)), ("macOS 14.0", "macOS 13.7")),
        (replace(MAC, mps=False, macos=(12, 6), torch="2.6.0"), ("macOS 13.0", "12.6")),
        (replace(MAC, mps=False), ("virtual machine",)),
        (
            replace(SOUND, tensorflow="2.21.0", tensorflow_lacks=("a", "b", "c", "d", "e")),
            ("without a, b, c and 2 more", "tensorflow[and-cuda]"),
        ),
        (replace(SOUND, system="Windows", tensorflow="2.21.0"), ("Windows", "WSL 2")),
    ],
)  # fmt: skip
def test_each_mismatch_is_one_sentence(facts: Facts, says: tuple[str, ...]) -> None:
    """It names what is there, what was expected of it, and what to do."""
    (sentence,) = mismatches(facts)
    assert [word for word in says if word not in sentence] == []


def test_two_troubles_are_two_sentences() -> None:
    """A GPU too new for torch, and a TensorFlow that cannot use any."""
    facts = replace(
        SOUND, gpus=(replace(H100, architecture="sm_130"),), tensorflow="2.21.0",
        tensorflow_lacks=("nvidia-cudnn-cu12",),
    )  # fmt: skip
    assert len(mismatches(facts)) == 2


@pytest.mark.parametrize(
    ("gpu", "built", "runs"),
    [
        ("sm_90", ("sm_90",), True),
        ("sm_89", ("sm_86",), True),  # machine code runs on later minor versions
        ("sm_86", ("sm_89",), False),
        ("sm_90", ("sm_89",), False),  # and on no other major one
        ("sm_120", ("sm_90", "compute_90"), True),  # which PTX does
        ("sm_80", ("compute_90",), False),
        ("sm_90", ("sm_90a",), True),  # a: on this one alone
        ("sm_103", ("sm_100a",), False),
        ("sm_103", ("sm_100f",), True),  # f: on its family
        ("sm_121", ("sm_120",), True),
        ("sm_50", ARCHITECTURES, False),
        ("sm_50", (), True),  # torch does not say what it was built for
        ("gfx90a:sramecc+:xnack-", ("gfx908", "gfx90a"), True),
        ("gfx1100", ("gfx908", "gfx90a"), False),
    ],
)
def test_code_for_one_architecture_on_another(gpu: str, built: tuple[str, ...], runs: bool) -> None:
    """By NVIDIA's rules for machine code and PTX."""
    facts = replace(
        SOUND, gpus=(replace(H100, architecture=gpu),), torch_architectures=built
    )  # fmt: skip
    assert (mismatches(facts) == ()) is runs


def test_the_devices_of_the_facts_are_the_fastest_first() -> None:
    assert PLAIN.devices == ("cpu",)
    assert MAC.devices == ("mps", "cpu")
    two = replace(SOUND, gpus=(H100, replace(H100, device="cuda:1")))
    assert two.devices == ("cuda", "cuda:0", "cuda:1", "cpu")


@pytest.mark.parametrize(
    ("named", "picked"), [(None, "cpu"), ("", "cpu"), ("auto", "cuda"), ("cuda:0", "cuda:0")]
)
def test_what_a_lesson_runs_on(named: str | None, picked: str) -> None:
    """The CPU, unless the variable names another."""
    assert choice(replace(SOUND, named=named))[0] == picked


@pytest.mark.parametrize("named", ["cuda:1", "mps", "tpu"])
def test_a_named_device_that_is_not_there_is_said_with_what_is(named: str) -> None:
    """`coursekit info` must not raise: it is what one runs to find out."""
    picked, why = choice(replace(SOUND, named=named))
    assert picked == "none"
    assert f"COURSEKIT_DEVICE is set to {named!r}." in why
    assert "cuda" in why


@pytest.mark.parametrize(
    ("text", "version"),
    [("2.13.0+cpu", (2, 13)), ("14", (14, 0)), ("", (0, 0)), ("2.14.0a0+git1", (2, 14))],
)
def test_versions_as_packages_write_them(text: str, version: tuple[int, int]) -> None:
    assert as_version(text) == version
