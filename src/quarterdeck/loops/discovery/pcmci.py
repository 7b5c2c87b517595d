"""A second opinion on links: PCMCI, by the library tigramite (extra ``causal``), which is loaded when asked.

    metrics, without trend and shapes from outside ──PC: who may be a parent──MCI: given all parents──> links

Source: J. Runge et al., "Detecting and quantifying causal associations in large nonlinear time series
datasets", Science Advances 5, 2019.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.errors import MissingExtra
from quarterdeck.loops.discovery.projection import Basis

if TYPE_CHECKING:
    from quarterdeck.loops.discovery.links import Links
    from quarterdeck.loops.discovery.model import Link
    from quarterdeck.loops.discovery.table import Table

_SIGNIFICANT = 0.05
_UNKNOWN = 1e9
"""Marks a gap; the metrics have variance 1."""


def confirmed(table: Table, between: Links, *, max_lag: int) -> set[Link]:
    """The links that PCMCI finds as well, at their lag and with their sign; partial correlations of ranks.

    It need not be as sure as the first method was: it looks only at what that has found, and with less power,
    for it conditions on the past of both ends.

    Args:
        table: the metrics.
        between: what `links.find` has found in it; what that took out is taken out here, too.
        max_lag: as that had it.

    Raises:
        MissingExtra: tigramite is not installed.
    """
    try:
        import numpy as np
        from tigramite.data_processing import DataFrame
        from tigramite.independence_tests.robust_parcorr import RobustParCorr
        from tigramite.pcmci import PCMCI
    except ImportError as error:
        raise MissingExtra(
            f"loops cannot be confirmed by PCMCI: {error.name} is not installed",
            hint='pip install "quarterdeck[causal]", or leave confirm out',
        ) from None

    rows = between.rows
    outside = Basis([[1.0] * len(rows), [float(row) for row in rows]])
    for shape in between.outside:
        for column in shape.columns:
            outside.add(column)
    values = np.full((len(table.columns[0]), len(table.names)), _UNKNOWN)
    for place, column in enumerate(table.filled):
        values[rows, place] = outside.rest([column[row] for row in rows])

    frame = DataFrame(values, missing_flag=_UNKNOWN)
    method = PCMCI(dataframe=frame, cond_ind_test=RobustParCorr(significance="analytic"), verbosity=0)
    results = method.run_pcmci(tau_min=1, tau_max=max_lag, pc_alpha=_SIGNIFICANT)

    places = {name: place for place, name in enumerate(table.names)}
    found = set()
    for link in between.links:
        where = places[link.source], places[link.target], link.lag
        if results["p_matrix"][where] <= _SIGNIFICANT and results["val_matrix"][where] * link.sign > 0:
            found.add(link)
    return found
