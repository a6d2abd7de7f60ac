//! The profiles of hours as Python holds them: they are added up here, and become Python objects only to be written.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::Rows;
use crate::fold::Part;
use crate::plan::Plan;
use crate::profile::{self, Bounded, Cell, Counts};
use crate::rows::Symbols;
use std::sync::Arc;

/// The profile of one model version and hour.
#[pyclass]
pub struct Hour {
    plan: Arc<Plan>,
    cell: Cell,
    table: Symbols,
}

/// Return the profile of each model version and hour of blocks of one process: version, hour (since 1970), profile. Each
/// block comes with the places of its rows that count (None: all).
#[pyfunction]
pub fn profiles(
    py: Python<'_>,
    parts: Vec<(PyRef<'_, Rows>, Option<Vec<usize>>)>,
) -> PyResult<Vec<(String, i64, Py<Hour>)>> {
    let Some(plan) = parts.first().map(|(first, _)| first.plan.clone()) else { return Ok(Vec::new()) };
    let Some((_, profile)) = &plan.profile else { return Ok(Vec::new()) };
    let folded: Vec<Part> = parts.iter().map(|(rows, kept)| Part { rows: &rows.rows, kept: kept.clone() }).collect();
    let (cells, table) = py.detach(|| profile::profiles(profile, (plan.symbols, plan.numbers), &folded));
    let made = cells.into_iter().map(|cell| {
        let version = text(&table, cell.version);
        let mut hour = Hour { plan: plan.clone(), cell, table: Symbols::default() };
        let hour_number = hour.cell.hour;
        hour.cell.renumber(&table, &mut hour.table);
        Ok((version, hour_number, Py::new(py, hour)?))
    });
    made.collect()
}

#[pymethods]
impl Hour {
    /// Add what another one counted with the same baseline.
    fn merge(&mut self, other: PyRef<'_, Hour>) {
        let Some((_, profile)) = &self.plan.profile else { return };
        self.cell.merge(&other.cell, profile, &other.table, &mut self.table);
    }

    /// The fields of a `Profile` from `rows` on by name, and its segments: feature, value, rows and counts.
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyList>)> {
        let (held, segments) = (PyDict::new(py), PyList::empty(py));
        let Some((_, profile)) = &self.plan.profile else { return Ok((held, segments)) };
        let (cell, table, other) = (&self.cell, &self.table, &profile.other);
        held.set_item("rows", cell.rows)?;
        held.set_item("errors", cell.errors)?;
        held.set_item("features", counts(py, &cell.counts, table, other)?)?;
        held.set_item("decisions", bounded(py, &cell.decisions, table, other)?)?;
        held.set_item("latency", &cell.latency)?;
        held.set_item("latency_total", cell.latency_total)?;
        held.set_item("sums", &cell.sums)?;
        held.set_item("products", &cell.products)?;
        held.set_item("repeats", &cell.repeats)?;
        held.set_item("labels", &cell.labels)?;
        for (which, values) in cell.segments.iter().enumerate() {
            for (value, (rows, held)) in values.iter().enumerate().filter(|(_, (rows, _))| *rows > 0) {
                segments.append((which, value, rows, counts(py, held, table, other)?))?;
            }
        }
        Ok((held, segments))
    }
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
