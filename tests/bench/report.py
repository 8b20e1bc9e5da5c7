"""report.py RESULTS DIRECTORY [DOCUMENT]: the tables (results.md) and the plots (*.svg) of a run. With
a document also its tables, between <!-- KEY --> and <!-- /KEY -->, and the plots in a directory
beside it that is named as it is, in lower case.

report.py --check DOCUMENT: whether it has a place for every row."""

import json
import pathlib
import re
import statistics
import sys

import drawing

OURS = "inetd (ours)"
NAMES = {"p50_us": "median, us", "p99_us": "99 %, us", "worst_us": "worst, us", "cpu_us": "CPU, us",
         "all_cpu_us": "CPU with children, us", "rate": "a second", "pss_kib": "PSS, KiB",
         "mib_s": "MiB/s", "lost": "lost", "served": "served", "alive": "alive after",
         "last_ms": "last, ms", "failed": "failed", "reloads": "reloads", "start_ms": "ms",
         "all_kib_each": "KiB each, with the kernel's", "kib_each": "PSS of the one process, KiB each",
         "tree_cpu_us": "CPU, us", "ns_one": "one entry, one source: ns", "ns_entries": "10,000 entries",
         "ns_sources": "100,000 sources", "ns_many": "10,000 entries, 100,000 sources"}


def median(results, figure):
    figures = [got[figure] for got in results if got and figure in got]
    return statistics.median(figures) if figures else None


def number(value):
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def size_of(figure):
    """The 1000 of us_1000, a figure for that size."""
    return int(figure.rpartition("_")[2])


def title_of(figure):
    return f"{size_of(figure):,}" if re.fullmatch(r"us_\d+", figure) else NAMES.get(figure, figure)


def sorted_servers(row):
    return sorted((item for item in row["results"].items()
                   if median(item[1], row["figure"]) is not None),
                  key=lambda item: median(item[1], row["figure"]), reverse=row["higher"])


def related(row, results):
    """The figure to that of the base, round by round."""
    pairs = zip(results, row["results"][row["base"]])
    found = [own[row["figure"]] / base[row["figure"]] for own, base in pairs if own and base]
    return f"{statistics.median(found):.2f}" if found else "-"


def table(row):
    figures = row["across"] or [row["figure"], *row["more"]]
    base = row["base"] if row["base"] in row["results"] else ""
    columns = [*map(title_of, figures), *([f"to {base}"] if base else [])]
    yield f"| {'descriptors' if row['across'] else 'server'} | {' | '.join(columns)} |"
    yield "|---|" + "---:|" * len(columns)
    for name, results in sorted_servers(row):
        bold = "**" if name == OURS else ""
        cells = [number(median(results, figure)) for figure in figures]
        cells += [related(row, results)] if base else []
        yield f"| {bold}{name}{bold} | {' | '.join(cells)} |"
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


def plot(row):
    """Nothing where there is nothing to compare."""
    servers = sorted_servers(row)
    if len(servers) < 2:
        return None
    if row["across"]:
        series = {name: [(size_of(figure), median(results, figure)) for figure in row["across"]
                         if median(results, figure) is not None] for name, results in servers}
        return drawing.curves(row["title"], "descriptors that are watched", row["unit"], series, number)
    values = [(name, median(results, row["figure"])) for name, results in servers]
    unit = f", {row['unit']}" if row["unit"] else ""
    return drawing.bars(row["title"] + unit, values, number, OURS)


def circumstances(results, turns):
    machine = results["machine"]
    rounds = f"{turns} rounds of {results['seconds']:g} s each"
    if turns == 1:
        rounds = f"one round of {results['seconds']:g} s: a sketch"
    return (f"{results['date']}, {machine['processors']} processors ({machine['model']}), Linux "
            f"{machine['kernel']}; {rounds}.")


def keys_of(document):
    """Those between whose marks a table belongs."""
    return set(re.findall(r"^<!-- ([^/\s]\S*) -->$", document, re.M))


def publish(results, path):
    """Each block says itself of what run it is, as not every run has all rows; a line of the goals is of
    the run that its row's block is of."""
    pictures = path.with_name(path.stem.lower())
    pictures.mkdir(exist_ok=True)
    text, blocks = path.read_text(), {}
    head, rule, *lines = goals(results["rows"])
    if keys_of(text) <= {row["key"] for row in results["rows"]} | {"goals"}:
        blocks["goals"] = [head, rule, *lines]
    for line in lines:
        what = re.escape("|".join(line.split("|")[:3]))
        text = re.sub(rf"^{what}\|.*$", lambda _: line, text, flags=re.M)
    for row in results["rows"]:
        blocks[row["key"]] = lines = [*table(row)]
        if picture := plot(row):
            (pictures / f"{row['key']}.svg").write_text(picture)
            lines += [f"![{row['title']}]({pictures.name}/{row['key']}.svg)", ""]
        lines.append(f"*{circumstances(results, row['turns'])}*")
    for key, lines in blocks.items():
        block = f"<!-- {key} -->\n\n" + "\n".join(lines) + "\n"
        text, found = re.subn(rf"^<!-- {key} -->\n.*?(?=^<!-- /{key} -->$)", lambda _: block, text,
                              flags=re.M | re.S)
        if found != 1:
            sys.exit(f"{path}: {found} places for {key}")
    path.write_text(text)


def check(path):
    from rows import ROWS
    wanted = {row.key for row in ROWS} | {"goals"}
    found = keys_of(path.read_text())
    ends = set(re.findall(r"^<!-- /(\S+) -->$", path.read_text(), re.M))
    if wanted != found or wanted != ends:
        sys.exit(f"{path}: lacks or has too much: {sorted((wanted ^ found) | (wanted ^ ends))}")


def main():
    if sys.argv[1] == "--check":
        return check(pathlib.Path(sys.argv[2]))
    results, directory = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2])
    rows = results["rows"]
    lines = [circumstances(results, results["rounds"]), "", *goals(rows), ""]
    for row in rows:
        lines += [f"### {row['title']}\n", *table(row)]
        if picture := plot(row):
            (directory / f"{row['key']}.svg").write_text(picture)
    (directory / "results.md").write_text("\n".join(lines) + "\n")
    for document in sys.argv[3:]:
        publish(results, pathlib.Path(document))
    print("\n".join(goals(rows)))


if __name__ == "__main__":
    main()
