"""The idle policy over recorded arrivals, against one who knows the future: prints one JSON line.

    python -m bench.idle_policy --traces F --restart-minutes 10

Traces are JSONL of `{client, arrivals_s}`, seconds from a common beginning; every request keeps a pod busy for
`--busy-seconds`. The very `decide` that stops a pod is called check after check. `docs/pod-policy.md` explains the
figures.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any

import orjson

from backend.pod.learning import propose
from backend.pod.policy import Config
from backend.pod.replay import Bill, Work, checks_with_work, fixed_timeout_cost, replay

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED_TIMEOUTS_S = range(60, 3601, 30)


def main() -> int:
    options = _options()
    try:
        lines = [orjson.loads(line) for line in options.traces.read_bytes().splitlines() if line.strip()]
        arrivals = [[float(second) for second in line["arrivals_s"]] for line in lines]
        if not arrivals or any(len(trace) < 4 for trace in arrivals):
            raise ValueError("a trace needs at least four arrivals")
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        print(f"{options.traces}: {error!r}", file=sys.stderr)
        return 1
    print(orjson.dumps(measured(arrivals, options.restart_minutes * 60, options.busy_seconds)).decode())
    return 0


def measured(arrivals: Sequence[Sequence[float]], restart_s: float, busy_s: float) -> dict[str, Any]:
    """The figures, costs pooled over the traces; `proposed` is learnt on first halves, judged on second ones."""
    config = Config()
    whole = _pooled([Work.of_requests(trace, busy_s) for trace in arrivals], config, restart_s)
    first, second = [], []
    for trace in arrivals:
        middle = (min(trace) + max(trace)) / 2
        first.append(Work.of_requests((at for at in trace if at < middle), busy_s))
        second.append(Work.of_requests((at for at in trace if at >= middle), busy_s))
    interval = config.check_interval_s
    proposal = propose([checks_with_work(work, interval) for work in first], restart_s, interval)
    default = _pooled(second, config, restart_s)
    proposed = _pooled(second, Config(rule=proposal.rule), restart_s)
    pauses = [pause for work in second for pause in work.pauses()]
    fixed = {timeout: fixed_timeout_cost(pauses, timeout, restart_s) for timeout in _FIXED_TIMEOUTS_S}
    best = min(fixed, key=lambda timeout: fixed[timeout])
    return {
        "cost_over_optimum": _over_optimum(whole),
        "cost_over_optimum_proposed": _over_optimum(proposed),
        "stopped_while_busy": whole.stopped_while_busy + proposed.stopped_while_busy,
        "stops": whole.restarts,
        "idle_hours_saved": round(whole.off_s / 3600, 1),
        "idle_cost_over_optimum": _ratio(whole.idle_cost_s, whole.optimum_idle_s),
        "default_second_half": _over_optimum(default),
        "best_fixed_second_half": _ratio(fixed[best] + default.busy_s, default.optimum_s),
        "best_fixed_second_half_minutes": best / 60,
        "idle_cost_over_optimum_proposed": _ratio(proposed.idle_cost_s, proposed.optimum_idle_s),
        "idle_cost_best_fixed_second_half": _ratio(fixed[best], default.optimum_idle_s),
        "stops_proposed": proposed.restarts,
        "learnt": {
            "pauses": proposal.pauses,
            "cycle_minutes": proposal.cycle_minutes,
            "by_hour": proposal.by_hour,
            "timeouts_minutes_by_hour": proposal.timeouts_min,
        },
    }


def _pooled(works: Sequence[Work], config: Config, restart_s: float) -> Bill:
    return reduce(Bill.plus, (replay(work, config, restart_s, _BEGIN) for work in works))


def _over_optimum(bill: Bill) -> float:
    return _ratio(bill.cost_s, bill.optimum_s)


def _ratio(cost_s: float, optimum_s: float) -> float:
    """Without a single pause there is nothing to pay, and nothing to do better."""
    return round(cost_s / optimum_s, 4) if optimum_s else 1.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.idle_policy", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--traces", type=Path, required=True, help="JSONL of {client, arrivals_s}")
    parser.add_argument("--restart-minutes", type=float, default=10.0, help="price of a restart, in minutes of the pod")
    parser.add_argument("--busy-seconds", type=float, default=5.0, help="that one request keeps the pod busy")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
