"""Runs the rows, servers taking turns, and writes what came out as JSON."""

import argparse
import json
import pathlib
import re
import statistics
import sys
import tempfile
import time

import machine
import peers
from measures import Bench
from rows import ROWS
from systemd_sockets import Systemd


def servers_of(row, known):
    return [cls for cls in row.servers or known
            if not cls.path or pathlib.Path(cls.path).exists()]


def run_row(bench, row, servers, turns, note):
    """{server: [figures of each turn, None where it could not]}."""
    results = {cls.name: [] for cls in servers}
    failed = set()
    for turn in range(turns):
        # Nobody is always the first, or always after the same one.
        for cls in servers[turn % len(servers):] + servers[:turn % len(servers)]:
            got = None
            if cls not in failed:
                try:
                    got = row.measure(bench, cls)
                except (RuntimeError, OSError) as error:
                    note(f"  {cls.name}: {error}")
                    if isinstance(error, peers.NotUp) and not issubclass(cls, peers.Inetd):
                        failed.add(cls)  # and would take half a minute to do so again
            results[cls.name].append(got)
    return {name: turns for name, turns in results.items() if any(turns)}


def best(row, figure, results):
    """The turns of the server that is the best in the median: the best of each turn would be whoever
    was lucky in it, and nobody is as good as that."""
    def middle(turns):
        return statistics.median(got[figure] for got in turns if got and figure in got)
    measured = [turns for turns in results if any(got and figure in got for got in turns)]
    return (max if row.higher else min)(measured, key=middle, default=[])


def ratios(row, goal, all_results, servers, ours):
    """Our figure to the others', round by round."""
    results = all_results[row.key]
    figure = goal.figure or row.figure
    own = [got and got.get(figure) for got in results.get(ours, [])]
    if goal.to is None:
        others = [1] * len(own)
    elif isinstance(goal.to, str):
        others = [got and got.get(figure) for got in all_results.get(goal.to, {}).get(ours, [])]
    else:
        compared = [results[cls.name] for cls in servers if goal.to(cls) and cls.name in results]
        others = [got and got.get(figure) for got in best(row, figure, compared)]
    return [a / b for a, b in zip(own, others) if a is not None and b]


def judge(row, all_results, servers, ours):
    judged = []
    for goal in row.goals:
        found = ratios(row, goal, all_results, servers, ours)
        if not found:
            continue
        middle = statistics.median(found)
        judged.append({"goal": goal.text, "bound": goal.bound, "least": goal.least,
                       "absolute": goal.to is None, "ratio": middle, "from": min(found),
                       "to": max(found),
                       "reached": middle >= goal.bound if goal.least else middle <= goal.bound})
    return judged


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--peers", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--quick", action="store_true", help="one short round of the cheaper rows")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--rows", default="", help="a regular expression for their keys")
    parser.add_argument("--servers", default="", help="the same for the names of servers")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 1, 0.3

    def note(text):
        print(text, file=sys.stderr, flush=True)

    machine.prepare_network()
    machine.adopt_orphans()
    Systemd.build = options.build
    known = [*peers.known(options.build, options.peers), Systemd]
    all_results, rows, lacking = {}, [], []
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(options.build, directory, options.seconds)
        for row in ROWS:
            if not re.search(options.rows, row.key) or (options.quick and not row.quick):
                continue
            servers = [cls for cls in servers_of(row, known) if re.search(options.servers, cls.name)]
            began = time.monotonic()
            turns = options.rounds * (1 if options.quick else row.turns)
            all_results[row.key] = run_row(bench, row, servers, turns, note)
            if {peers.Inetd.name} & {cls.name for cls in servers} - set(all_results[row.key]):
                lacking.append(row.key)
            goals = judge(row, all_results, servers, peers.Inetd.name)
            note(f"{row.key}: {time.monotonic() - began:.0f} s; " + "; ".join(
                f"{goal['goal']}: {goal['ratio']:.2f}{'' if goal['reached'] else ' (missed)'}"
                for goal in goals))
            rows.append({"key": row.key, "title": row.title, "figure": row.figure, "unit": row.unit,
                         "more": row.more, "higher": row.higher, "base": row.base,
                         "across": row.across, "turns": turns,
                         "results": all_results[row.key], "goals": goals})
    text = json.dumps({"date": time.strftime("%Y-%m-%d"), "machine": machine.describe(),
                       "rounds": options.rounds, "seconds": options.seconds, "rows": rows}, indent=1)
    pathlib.Path(options.output).write_text(text + "\n")
    if lacking:
        sys.exit(f"{peers.Inetd.name} could not be measured: {', '.join(lacking)}")


if __name__ == "__main__":
    main()
