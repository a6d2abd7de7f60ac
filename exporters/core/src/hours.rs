//! The profiles of hours, as Python objects.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::Rows;
use crate::fold::Part;
use crate::profile::{self, Bounded, Counts};
use crate::rows::Symbols;

/// Return the profile of each model version and hour of blocks of one process: version, hour (since 1970), and the
/// fields of a `Profile` from `rows` on by name. Each block comes with the places of its rows that count (None: all).
#[pyfunction]
pub fn profiles<'py>(
    py: Python<'py>,
    parts: Vec<(PyRef<'py, Rows>, Option<Vec<usize>>)>,
) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(py);
    let Some(plan) = parts.first().map(|(first, _)| first.plan.clone()) else { return Ok(found) };
    let Some((_, profile)) = &plan.profile else { return Ok(found) };
    let folded: Vec<Part> = parts.iter().map(|(rows, kept)| Part { rows: &rows.rows, kept: kept.clone() }).collect();
    let (cells, table) = py.detach(|| profile::profiles(profile, (plan.symbols, plan.numbers), &folded));
    for cell in &cells {
        let held = PyDict::new(py);
        held.set_item("rows", cell.rows)?;
        held.set_item("errors", cell.errors)?;
        held.set_item("features", counts(py, &cell.counts, &table, &profile.other)?)?;
        held.set_item("decisions", bounded(py, &cell.decisions, &table, &profile.other)?)?;
        held.set_item("latency", &cell.latency)?;
        held.set_item("latency_total", cell.latency_total)?;
        held.set_item("sums", integers(&cell.sums))?;
        held.set_item("products", integers(&cell.products))?;
        held.set_item("repeats", &cell.repeats)?;
        held.set_item("labels", &cell.labels)?;
        let segments = PyList::empty(py);
        for (which, values) in cell.segments.iter().enumerate() {
            for (value, (rows, held)) in values.iter().enumerate().filter(|(_, (rows, _))| *rows > 0) {
                segments.append((which, value, rows, counts(py, held, &table, &profile.other)?))?;
            }
        }
        found.append((text(&table, cell.version), cell.hour, held, segments))?;
    }
    Ok(found)
}

/// The arguments of a `Counts`, feature by feature.
fn counts<'py>(py: Python<'py>, held: &[Counts], table: &Symbols, other: &str) -> PyResult<Bound<'py, PyList>> {
    let found = PyList::empty(py);
    for each in held {
        let unseen = bounded(py, &each.unseen, table, other)?;
        let (low, high) = each.range.unzip();
        found.append((&each.bins, each.missing, each.invalid, unseen, each.total, each.squares, low, high))?;
    }
    Ok(found)
}

fn bounded<'py>(py: Python<'py>, held: &Bounded, table: &Symbols, other: &str) -> PyResult<Bound<'py, PyDict>> {
    let found = PyDict::new(py);
    for &(value, count) in &held.counts {
        found.set_item(text(table, value), count)?;
    }
    if let Some(count) = held.other {
        found.set_item(other, count)?;
    }
    Ok(found)
}

fn text(table: &Symbols, symbol: u32) -> String {
    String::from_utf8_lossy(&table.texts[symbol as usize]).into_owned()
}

fn integers(sums: &[f64]) -> Vec<i64> {
    sums.iter().map(|&sum| sum as i64).collect()
}
