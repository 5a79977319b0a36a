"""Time and memory of the merges of Flower and of NVIDIA FLARE, for comparison with `npm run bench -- aggregate`.

    pip install numpy flwr==1.42.0 nvflare==2.9.0
    FEDCARDIO_BENCH_PEERS=python npm run bench -- aggregate    # rows beside ours
    python scripts/bench-merge.py flower 62100000 8            # peer, parameters, updates

Both merge arrays that are in memory already: receiving, checking, hashing and storing, which are in our figures, are not
in theirs. The peak is that of this process, updates included, as on their servers.
"""
import json
import resource
import sys
import time

import numpy as np

PEER, PARAMETERS, UPDATES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
TENSORS = 100


def update(seed):
    random = np.random.default_rng(seed)
    sizes = [len(part) for part in np.array_split(np.empty(PARAMETERS, np.int8), TENSORS)]
    return [random.standard_normal(size, np.float32) for size in sizes]


def flower(updates):
    from flwr.server.strategy.aggregate import aggregate

    started = time.perf_counter()
    aggregate([(weights, 10 + site) for site, weights in enumerate(updates)])
    return time.perf_counter() - started


def flare(updates):
    from nvflare.app_common.aggregators.weighted_aggregation_helper import WeightedAggregationHelper

    helper = WeightedAggregationHelper()
    started = time.perf_counter()
    for site, weights in enumerate(updates):
        named = {f"tensor-{index}": array for index, array in enumerate(weights)}
        helper.add(named, 10 + site, f"site-{site}", 0)
    helper.get_result()
    return time.perf_counter() - started


seconds = {"flower": flower, "flare": flare}[PEER]([update(site) for site in range(UPDATES)])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({"seconds": round(seconds, 2), "peakRssMB": round(peak / 1e6)}))
