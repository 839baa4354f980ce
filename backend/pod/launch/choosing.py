"""Which GPU types to ask for, in which order. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.errors import NoGpuToRent, NoSuchGpu, Text
from backend.pod.pods import Availability, GpuType

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for.

    Attributes:
        memory_gb: of one GPU, at least.
        names: types in the order of preference, by id or name; empty: every one that fits, cheapest first.
        regions: ids of data centers; empty: anywhere.
        max_usd: per hour for all GPUs of the pod; None: no limit.
    """

    memory_gb: float
    names: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    max_usd: float | None = None
    count: int = 1
    community: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A type that may be asked for, with the price of the whole pod per hour."""

    gpu: GpuType
    usd_per_hour: float


def candidates(types: Sequence[GpuType], wish: Wish) -> list[Candidate]:
    """Types that are offered, fit and are not known to be out of stock; by name where names were given, else by price.

    Raises:
        NoSuchGpu: a name is not in the catalogue.
        NoGpuToRent
    """
    wanted = _named(types, wish.names) if wish.names else list(types)
    priced = [Candidate(gpu, price * wish.count) for gpu in wanted if (price := _price(gpu, wish)) is not None]
    fitting = [each for each in priced if wish.names or _fits(each.gpu, wish)]
    free = [each for each in fitting if _is_free(each.gpu, wish)]
    found = [each for each in free if wish.max_usd is None or each.usd_per_hour <= wish.max_usd]
    if not found:
        raise _none(free, wish)
    return found if wish.names else sorted(found, key=lambda each: (each.usd_per_hour, each.gpu.id))


def _named(types: Sequence[GpuType], names: Sequence[str]) -> list[GpuType]:
    found = []
    for name in names:
        key = _key(name)
        match = next((gpu for gpu in types if key in (_key(gpu.id), _key(gpu.name))), None)
        if match is None:
            raise NoSuchGpu(name=name[:60], known=", ".join(gpu.name for gpu in types[:_SHOWN]))
        found.append(match)
    return found


def _key(name: str) -> str:
    return "".join(name.casefold().removeprefix("nvidia ").removeprefix("geforce ").split())


def _price(gpu: GpuType, wish: Wish) -> float | None:
    return gpu.community_price if wish.community else gpu.secure_price


def _fits(gpu: GpuType, wish: Wish) -> bool:
    """vLLM's image is for NVIDIA's GPUs; others are named by their makers too."""
    return gpu.memory_gb >= wish.memory_gb and not gpu.id.startswith("AMD")


def _is_free(gpu: GpuType, wish: Wish) -> bool:
    """Where the stock is told for the data centers, one of those asked for has to have it."""
    if gpu.availability is Availability.NONE:
        return False
    return not wish.regions or not gpu.data_centers or bool(set(wish.regions) & set(gpu.data_centers))


def _none(free: Sequence[Candidate], wish: Wish) -> NoGpuToRent:
    limit, cheapest = Text("", ""), Text("", "")
    if wish.max_usd is not None:
        limit = Text(f", 시간당 ${wish.max_usd:.2f} 이하", f" at up to ${wish.max_usd:.2f} an hour")
        if free:
            lowest = min(free, key=lambda each: each.usd_per_hour)
            words = f"{lowest.gpu.name} ${lowest.usd_per_hour:.2f}/h"
            cheapest = Text(f"지금 가장 싼 것은 {words}입니다. ", f"The cheapest now is {words}. ")
    return NoGpuToRent(memory=f"{wish.memory_gb:g}", limit=limit, cheapest=cheapest)
