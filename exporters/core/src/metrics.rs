//! What rows add to the metrics, as Python objects.

use hashbrown::HashMap as Map;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::Rows;
use crate::fold;
use crate::plan::Column;

/// Return what blocks of one process add to its metrics: counters (metric, labels, amount), histograms (metric, labels,
/// counts, sum, exemplars by bucket) and gauges (metric, labels, value). Each block comes with the places of its rows
/// that count (None: all). `last_seen` and `touched` are those of the process's session book; a session ends after
/// `gap` seconds.
#[pyfunction(name = "fold")]
pub fn fold_rows<'py>(
    py: Python<'py>,
    parts: Vec<(PyRef<'py, Rows>, Option<Vec<usize>>)>,
    last_seen: &Bound<'py, PyDict>,
    touched: &Bound<'py, PyDict>,
    gap: f64,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyList>, Bound<'py, PyList>)> {
    let (counters, histograms, gauges) = (PyList::empty(py), PyList::empty(py), PyList::empty(py));
    let Some((first, _)) = parts.first() else { return Ok((counters, histograms, gauges)) };
    let plan = first.plan.clone();
    let folded: Vec<fold::Part> =
        parts.iter().map(|(rows, kept)| fold::Part { rows: &rows.rows, kept: kept.clone() }).collect();
    let (sums, table) = py.detach(|| fold::fold(&plan, &folded));
    let process = plan.process.as_str();
    let text = |symbol: u32| String::from_utf8_lossy(&table.texts[symbol as usize]);
    for sum in &sums {
        let of = &plan.types[sum.kind];
        let recipe = &of.recipe;
        for group in &sum.groups {
            let version = text(group.version);
            let series = if recipe.traffic { vec![process, &version] } else { vec![process] };
            for (symbols, count) in &group.counts {
                let further: Vec<_> = symbols[..recipe.labels.len()].iter().map(|&symbol| text(symbol)).collect();
                let labels = series.iter().copied().chain(further.iter().map(|label| label.as_ref()));
                counters.append((&recipe.counter, PyTuple::new(py, labels.collect::<Vec<_>>())?, count))?;
            }
            if recipe.fails {
                counters.append((&plan.names.errors, PyTuple::new(py, &series)?, group.failed))?;
            }
            for (histogram, observed) in group.observed.iter().zip(&recipe.observed).filter(|(found, _)| found.seen) {
                let exemplars = PyDict::new(py);
                for (bucket, (part, at)) in
                    histogram.traced.iter().enumerate().filter_map(|(at, row)| row.map(|row| (at, row)))
                {
                    let (rows, _) = &parts[part];
                    let row = &rows.rows.rows[at];
                    let trace = String::from_utf8_lossy(rows.rows.text(&rows.data, row.trace)).into_owned();
                    let value = rows.rows.numbers[at * plan.numbers + observed.column];
                    exemplars.set_item(bucket, (trace, value, seconds(row.time)))?;
                }
                let labels = PyTuple::new(py, &series)?;
                histograms.append((&observed.metric, labels, &histogram.counts, histogram.sum, exemplars))?;
            }
            for (found, (metric, label, column)) in group.summed.iter().zip(&recipe.summed).filter(|(sum, _)| sum.seen)
            {
                let labels = PyTuple::new(py, series.iter().copied().chain([label.as_str()]).collect::<Vec<_>>())?;
                if matches!(column, Column::Integer(_)) {
                    counters.append((metric, labels, found.integer))?;
                } else {
                    counters.append((metric, labels, found.float))?;
                }
            }
        }
        if recipe.traffic {
            gauges.append((&plan.names.newest, (process,), seconds(sum.newest)))?;
        }
        if recipe.sessions {
            let opened = openings(&parts, sum.kind, last_seen, touched, gap)?;
            counters.append((&plan.names.sessions, (process,), opened))?;
        }
        for ((feature, &missing), &invalid) in of.features.iter().zip(&sum.missing).zip(&sum.invalid) {
            for (metric, count) in [(&plan.names.missing, missing), (&plan.names.invalid, invalid)] {
                if count > 0 {
                    counters.append((metric, (process, &feature.name), count))?;
                }
            }
        }
    }
    Ok((counters, histograms, gauges))
}

/// Note the events of sessions, in the order of the log; return how many begin a new one. The same as `SessionBook`,
/// which is asked once per session.
fn openings(
    parts: &[(PyRef<'_, Rows>, Option<Vec<usize>>)],
    kind: usize,
    last_seen: &Bound<'_, PyDict>,
    touched: &Bound<'_, PyDict>,
    gap: f64,
) -> PyResult<usize> {
    let mut last: Map<&[u8], (usize, f64)> = Map::new();
    let mut order: Vec<(&str, f64)> = Vec::new();
    let mut opened = 0;
    let mut failure = Ok(());
    for (rows, kept) in parts {
        rows.each(kept.as_deref(), |_, row| {
            let Some(session) = row.session.filter(|_| usize::from(row.kind) == kind) else { return };
            let session = rows.rows.text(&rows.data, session);
            let time = seconds(row.time);
            if let Some((_, newest)) = last.get_mut(session) {
                opened += usize::from(time - *newest > gap);
                *newest = newest.max(time);
                return;
            }
            let name = std::str::from_utf8(session).unwrap_or_default();
            let known = touched.get_item(name).and_then(|found| match found {
                Some(found) => Ok(Some(found)),
                None => last_seen.get_item(name),
            });
            match known.and_then(|found| found.map(|found| found.extract::<f64>()).transpose()) {
                Ok(before) => {
                    opened += usize::from(before.is_none_or(|before| time - before > gap));
                    last.insert(session, (order.len(), before.map_or(time, |before| before.max(time))));
                    order.push((name, 0.0));
                }
                Err(error) => failure = Err(error),
            }
        });
    }
    failure?;
    for (place, newest) in last.into_values() {
        order[place].1 = newest;
    }
    for (name, newest) in order {
        touched.set_item(name, newest)?;
    }
    Ok(opened)
}

/// Microseconds as seconds, rounded as Python's `timestamp` does.
fn seconds(time: i64) -> f64 {
    time as f64 / 1e6
}
