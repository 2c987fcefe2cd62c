#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a Grafana dashboard without Grafana: its own queries, asked of a Prometheus, on its own grid.

    draw.py DASHBOARD.json PROMETHEUS-URL PICTURE.png [--minutes N] [--until UNIX-TIME]

It knows the panels timeseries (linear and logarithmic), stat and heatmap, legends, and the units of the
dashboard here; all variables stand for "All". A query that fails or finds nothing says so in its panel.
Needs python3-matplotlib.
"""
import argparse
import io
import json
import math
import re
import time
import urllib.error
import urllib.parse
import urllib.request

import matplotlib

matplotlib.use("Agg")
import matplotlib.dates as dates  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import LinearSegmentedColormap, PowerNorm  # noqa: E402
from matplotlib.patches import FancyBboxPatch  # noqa: E402
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator  # noqa: E402
from PIL import Image  # noqa: E402

PAGE, CARD, EDGE, GRID = "#0e1014", "#181b20", "#262a31", "#2b3038"
TEXT, FAINT = "#d5d9e0", "#8d949f"
COLOURS = ["#73bf69", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#fade2a", "#8ab8ff", "#ff7383",
           "#96d98d", "#ca95e5"]
NAMED = {"blue": "#5794f2", "green": "#73bf69", "purple": "#b877d9", "red": "#f2495c",
         "orange": "#ff9830"}
HEAT = LinearSegmentedColormap.from_list("heat", [CARD, "#1f4e79", "#2a9d8f", "#e9c46a", "#f4745b"])
WIDTH_PX, ROW_PX, GAP_PX, HEAD_PX, DPI = 1680, 33, 9, 62, 100
POINTS, COLUMN = 180, 4  # of a line; points to a heatmap's column
STEPS_S = [60 * minutes for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 720, 1440, 10080, 43200)]

# ---- asking -----------------------------------------------------------------------------------------


class Prometheus:
    def __init__(self, url, until, minutes):
        self.url = url.rstrip("/")
        self.until, self.since = until, until - 60 * minutes
        self.step = max(1, round(60 * minutes / POINTS))
        self.rate = f"{max(4 * self.scrape_interval_s(), 3 * self.step):.0f}s"

    def ask(self, path, **arguments):
        query = urllib.parse.urlencode(arguments)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def scrape_interval_s(self):
        text = re.search(r"scrape_interval: (\d+)s", self.ask("status/config")["yaml"])
        return int(text.group(1)) if text else 60

    def expression(self, text, interval):
        """As Grafana would write it with everything chosen."""
        return re.sub(r"\$(namespace|name)\b", ".*", text.replace("$__rate_interval", interval))

    def series(self, text, step=None):
        """[(labels, times, values)]; a step of its own is the interval of rates as well."""
        interval = f"{step}s" if step else self.rate
        found = self.ask("query_range", query=self.expression(text, interval), start=self.since,
                         end=self.until, step=step or self.step)["result"]
        return [(item["metric"], [float(at) for at, _ in item["values"]],
                 [float(value) for _, value in item["values"]]) for item in found]


def legend(template, labels):
    text = re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda match: labels.get(match.group(1), ""), template)
    return text or "value"


# ---- units ------------------------------------------------------------------------------------------

SCALES = {"Bps": (["B/s", "kB/s", "MB/s", "GB/s"], 1000), "pps": (["p/s", "kp/s", "Mp/s"], 1000),
          "cps": (["/s", "k/s", "M/s"], 1000), "bytes": (["B", "KiB", "MiB", "GiB"], 1024),
          "short": (["", "k", "M"], 1000), "none": ([""], 1000)}
TIMES = ((1, "s"), (1e-3, "ms"), (1e-6, "µs"))


def number(value):
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def said(value, unit):
    """A value as people read it."""
    if math.isnan(value):
        return "no data"
    if unit == "percentunit":
        return f"{number(100 * value)} %"
    if unit == "s":
        scale, name = next((pair for pair in TIMES if abs(value) >= pair[0]), TIMES[-1])
        return f"{number(value / scale)} {name}" if value else "0"
    names, factor = SCALES[unit]
    power = 0
    while abs(value) >= factor and power < len(names) - 1:
        value, power = value / factor, power + 1
    return f"{number(value)} {names[power]}".strip()


# ---- panels -----------------------------------------------------------------------------------------


def times_of(seconds):
    return [at / 86400 for at in seconds]  # matplotlib's days since 1970


def ticks(top, unit):
    """Round numbers from 0 to no more than top, about four."""
    factor = 1024 if unit == "bytes" else 1000
    scale = factor ** max(0, math.floor(math.log(top, factor)))
    return [value * scale for value in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(0, top / scale)
            if value * scale <= top]


def clock_ticks(since, until):
    """Full minutes or hours, six at most."""
    step = next(step for step in STEPS_S if (until - since) / step <= 6)
    return list(range(math.ceil(since / step) * step, math.floor(until) + 1, step))


def prepare(axes, prometheus):
    axes.set_facecolor(CARD)
    axes.set_xlim(times_of([prometheus.since, prometheus.until]))
    axes.set_xticks(times_of(clock_ticks(prometheus.since, prometheus.until)))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M"))
    axes.tick_params(colors=FAINT, labelsize=7.5, length=0, pad=4)
    for spine in axes.spines.values():
        spine.set_visible(False)


def explain(axes, text):
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=FAINT,
              fontsize=9)
    axes.set_yticks([])


def lines_of(panel, prometheus):
    """[(name, times, values)], without those that have no value."""
    lines = ((legend(target.get("legendFormat", ""), labels), at, values)
             for target in panel["targets"]
             for labels, at, values in prometheus.series(target["expr"]))
    return sorted((line for line in lines if not all(map(math.isnan, line[2]))),
                  key=lambda line: line[0])


def n_columns(lines):
    """Of the legend."""
    return 1 if len(lines) < 3 or max(len(name) for name, _, _ in lines) > 26 else 2


def draw_lines(axes, panel, prometheus, lines):
    prepare(axes, prometheus)
    if not lines:
        explain(axes, "nothing in this time")
        return
    defaults = panel["fieldConfig"]["defaults"]
    logarithmic = defaults.get("custom", {}).get("scaleDistribution", {}).get("type") == "log"
    for index, (name, at, values) in enumerate(lines):
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(times_of(at), values, color=colour, linewidth=1.3, label=name)
        if not logarithmic:
            axes.fill_between(times_of(at), values, color=colour, alpha=0.09, linewidth=0)
    axes.grid(axis="both", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    scale(axes, lines, defaults["unit"], logarithmic)
    below = -24 / axes.get_window_extent().height
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, below), ncol=n_columns(lines), frameon=False,
                fontsize=7.5, labelcolor=TEXT, handlelength=1.1, handletextpad=0.6,
                columnspacing=1.4, labelspacing=0.35, borderaxespad=0)


def scale(axes, lines, unit, logarithmic):
    """A ceiling of the panel's own would lay lines flat that are far below it."""
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(base=10))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda *_: ""))
        axes.tick_params(which="minor", length=0)
    else:
        top = max(value for _, _, values in lines for value in values if not math.isnan(value))
        top = top * 1.12 or 1
        axes.set_ylim(0, top)
        axes.set_yticks(ticks(top, unit))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, unit)))


def draw_heat(axes, panel, prometheus):
    step = COLUMN * prometheus.step
    buckets = sorted((float(labels["le"]), at, values) for labels, at, values
                     in prometheus.series(panel["targets"][0]["expr"], step))
    prepare(axes, prometheus)
    if not buckets:
        explain(axes, "nothing in this time")
        return
    at = max((times for _, times, _ in buckets), key=len)
    columns = [dict(zip(times, values)) for _, times, values in buckets]
    cells = [[max(0, column.get(t, 0) - (columns[i - 1].get(t, 0) if i else 0)) for t in at]
             for i, column in enumerate(columns)]
    used = [i for i, row in enumerate(cells) if any(value > 0.01 for value in row)] or [0]
    low, high = max(0, used[0] - 1), min(len(cells), used[-1] + 2)
    bounds = [le for le, _, _ in buckets]
    edges = [bounds[0] / 2] + [bound if math.isfinite(bound) else 2 * bounds[i - 1]
                               for i, bound in enumerate(bounds)]
    axes.pcolormesh(times_of([at[0] - step] + at), edges[low:high + 1], cells[low:high], cmap=HEAT,
                    norm=PowerNorm(0.5, vmin=0), edgecolors=CARD, linewidth=0.8)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_locator(LogLocator(base=2, numticks=9))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value, "s")))
    axes.minorticks_off()


def draw_stat(axes, panel, prometheus):
    found = prometheus.series(panel["targets"][0]["expr"])
    defaults = panel["fieldConfig"]["defaults"]
    colour = NAMED.get(defaults.get("color", {}).get("fixedColor"), TEXT)
    prepare(axes, prometheus)
    axes.set_xticks([])
    axes.set_yticks([])
    values = [(t, v) for _, at, row in found[:1] for t, v in zip(at, row) if not math.isnan(v)]
    if values:
        at, row = zip(*values)
        axes.plot(times_of(at), row, color=colour, linewidth=1, alpha=0.8)
        axes.fill_between(times_of(at), row, color=colour, alpha=0.13, linewidth=0)
        axes.set_ylim(0, max(row) * 2.6 or 1)
    text = said(values[-1][1], defaults["unit"]) if values else "no data"
    axes.text(0.5, 0.66, text, transform=axes.transAxes, ha="center", va="center", color=colour,
              fontsize=21, fontweight="bold")


# ---- the page ---------------------------------------------------------------------------------------


class Page:
    """Pixels from the upper left corner."""

    def __init__(self, rows):
        self.height = HEAD_PX + rows * ROW_PX + GAP_PX
        self.figure = plt.figure(figsize=(WIDTH_PX / DPI, self.height / DPI), dpi=DPI, facecolor=PAGE)

    def box(self, x, y, width, height):
        return (x / WIDTH_PX, 1 - (y + height) / self.height, width / WIDTH_PX, height / self.height)

    def card(self, x, y, width, height):
        left, bottom, across, up = self.box(x, y, width, height)
        self.figure.patches.append(FancyBboxPatch(
            (left, bottom), across, up, boxstyle="round,pad=0,rounding_size=0.0025", facecolor=CARD,
            edgecolor=EDGE, linewidth=0.9, transform=self.figure.transFigure, zorder=-1,
            mutation_aspect=WIDTH_PX / self.height))

    def axes(self, *box):
        return self.figure.add_axes(self.box(*box))

    def text(self, x, y, text, **more):
        self.figure.text(x / WIDTH_PX, 1 - y / self.height, text, va="center", **more)


def draw_body(page, panel, prometheus, x, y, width, height):
    """Below the title, above the card's end."""
    kind = panel["type"]
    if kind == "stat":
        draw_stat(page.axes(x + 1, y + 26, width - 2, height - 28), panel, prometheus)
    elif kind == "heatmap":
        draw_heat(page.axes(x + 62, y + 36, width - 80, height - 68), panel, prometheus)
    else:
        lines = lines_of(panel, prometheus)
        rows = -(-len(lines) // n_columns(lines))
        axes = page.axes(x + 62, y + 36, width - 80, height - 72 - 14 * rows)
        draw_lines(axes, panel, prometheus, lines)


def draw_panel(page, panel, prometheus):
    grid, unit = panel["gridPos"], (WIDTH_PX - GAP_PX) / 24
    x, y = GAP_PX + grid["x"] * unit, HEAD_PX + grid["y"] * ROW_PX
    width, height = grid["w"] * unit - GAP_PX, grid["h"] * ROW_PX - GAP_PX
    page.card(x, y, width, height)
    page.text(x + 12, y + 16, panel["title"], color=TEXT, fontsize=9, fontweight="bold")
    try:
        draw_body(page, panel, prometheus, x, y, width, height)
    except urllib.error.HTTPError as error:
        page.text(x + 12, y + 40, f"{error}: {json.load(error).get('error')}", color=NAMED["red"],
                  fontsize=8)


def draw(dashboard, prometheus, picture):
    panels = dashboard["panels"]
    page = Page(max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels))
    clock = "%Y-%m-%d %H:%M"
    page.text(GAP_PX + 10, HEAD_PX / 2, dashboard["title"], color=TEXT, fontsize=17, fontweight="bold")
    page.text(WIDTH_PX - GAP_PX - 10, HEAD_PX / 2 - 9, "drawn from the dashboard's own queries by Prometheus",
              color=FAINT, fontsize=8.5, ha="right")
    page.text(WIDTH_PX - GAP_PX - 10, HEAD_PX / 2 + 9,
              f"{time.strftime(clock, time.gmtime(prometheus.since))} to "
              f"{time.strftime('%H:%M', time.gmtime(prometheus.until))} UTC",
              color=FAINT, fontsize=8.5, ha="right")
    page.text(GAP_PX + 118, HEAD_PX / 2 + 3, dashboard["description"], color=FAINT, fontsize=9.5)
    for panel in panels:
        draw_panel(page, panel, prometheus)
    save(page.figure, picture)


def save(figure, picture):
    """With 256 colours: a third of the size, and nobody sees it."""
    raw = io.BytesIO()
    figure.savefig(raw, dpi=DPI, facecolor=PAGE)
    Image.open(raw).convert("RGB").quantize(256, kmeans=4, dither=Image.Dither.NONE).save(
        picture, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dashboard")
    parser.add_argument("prometheus")
    parser.add_argument("picture")
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--until", type=float, default=time.time())
    options = parser.parse_args()
    plt.rcParams["font.family"] = "DejaVu Sans"
    with open(options.dashboard, encoding="utf-8") as file:
        dashboard = json.load(file)
    draw(dashboard, Prometheus(options.prometheus, options.until, options.minutes), options.picture)


if __name__ == "__main__":
    main()
