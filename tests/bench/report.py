"""report.py RESULTS DIRECTORY: the tables (results.md) and the plots (*.svg) of a run."""

import json
import pathlib
import statistics
import sys

import matplotlib
matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  (after the choice of the backend)

OURS = "inetd (ours)"
NAMES = {"p50_us": "median, us", "p99_us": "99 %, us", "worst_us": "worst, us", "cpu_us": "CPU, us",
         "all_cpu_us": "CPU with children, us", "rate": "a second", "pss_kib": "PSS, KiB",
         "mib_s": "MiB/s", "lost": "lost", "served": "served", "alive": "alive after",
         "last_ms": "last, ms", "failed": "failed", "reloads": "reloads", "start_ms": "ms",
         "all_kib_each": "KiB each", "kernel_kib_each": "of these the kernel's"}


def median(results, figure):
    figures = [got[figure] for got in results if got and figure in got]
    return statistics.median(figures) if figures else None


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def sorted_servers(row):
    return sorted((item for item in row["results"].items()
                   if median(item[1], row["figure"]) is not None),
                  key=lambda item: median(item[1], row["figure"]), reverse=row["higher"])


def table(row):
    figures = [row["figure"], *row["more"]]
    yield f"### {row['title']}\n"
    yield "| server | " + " | ".join(NAMES.get(figure, figure) for figure in figures) + " |"
    yield "|---|" + "---:|" * len(figures)
    for name, results in sorted_servers(row):
        bold = "**" if name == OURS else ""
        yield f"| {bold}{name}{bold} | " + " | ".join(
            number(median(results, figure)) for figure in figures) + " |"
    yield ""


def goals(rows):
    yield "| what | wanted | seen | |"
    yield "|---|---|---|---|"
    for row in rows:
        for goal in row["goals"]:
            seen = number(goal["ratio"]) if goal["absolute"] else f"{goal['ratio']:.2f}"
            spread = f" ({goal['from']:.2f} to {goal['to']:.2f})" if not goal["absolute"] else ""
            yield (f"| {row['title']} | {goal['goal']} | {seen}{spread} | "
                   f"{'reached' if goal['reached'] else 'missed'} |")
    yield ""


def plot(row, path):
    servers = sorted_servers(row)[::-1]
    figure, axes = pyplot.subplots(figsize=(7, 0.6 + 0.32 * len(servers)))
    axes.barh([name for name, _ in servers],
              [median(results, row["figure"]) for _, results in servers],
              color=["#2b6cb0" if name == OURS else "#b0b7c0" for name, _ in servers])
    axes.set_title(row["title"], loc="left", fontsize=10)
    axes.set_xlabel(row["unit"])
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    # Without a date, so that the same figures give the same file.
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main():
    results, directory = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    matplotlib.rcParams["svg.hashsalt"] = "inetd"
    machine, rows = results["machine"], results["rows"]
    lines = [f"{results['date']}, {machine['processors']} processors ({machine['model']}), Linux "
             f"{machine['kernel']}; {results['rounds']} rounds of {results['seconds']:g} s each; "
             "medians.\n", *goals(rows)]
    for row in rows:
        lines += table(row)
        plot(row, directory / f"{row['key']}.svg")
    (directory / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join(goals(rows)))


if __name__ == "__main__":
    main()
