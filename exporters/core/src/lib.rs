//! The hot path of the log engine: the usual lines of a block, all at once and without a Python object for each.
//!
//! Data flows one way: `line` reads each line (with `json` and `time`) into a row of `rows`; what is odd goes to the
//! reference in Python and comes back; `render` makes the documents, and `fold` what is added to the metrics, once it
//! is known which documents were stored. `plan` is what Python says beforehand. Nothing here does any I/O, and no
//! input makes it panic: what is not plainly right is odd.

mod fold;
mod json;
mod line;
mod personal;
mod plan;
mod render;
mod rows;
mod time;

use std::sync::Arc;

use hashbrown::HashMap as Map;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyList, PyTuple};

use crate::plan::Column;
use crate::rows::{Odd, Span};

/// What Python says once of a process and one of its logs.
#[pyclass(frozen)]
struct Plan(Arc<plan::Plan>);

#[pymethods]
impl Plan {
    #[new]
    fn new(plan: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Plan(Arc::new(plan::Plan::read(plan)?)))
    }

    /// Read the usual lines of a block; `place` is stream and neck (see `render`), times are in microseconds.
    fn read(
        &self,
        py: Python<'_>,
        data: PyBackedBytes,
        start: u64,
        offsets: Option<Vec<u64>>,
        place: (String, String, bool),
        times: (i64, i64),
    ) -> PyResult<Rows> {
        if data.len() > (u32::MAX / 2) as usize {
            return Err(PyValueError::new_err("a block of more than 2 GiB"));
        }
        let (stream, neck, named_by_place) = place;
        let bounds = line::Bounds { earliest: times.0, latest: times.1, named_by_place };
        let rows = py.detach(|| read_lines(&self.0, &bounds, &data, start, offsets.as_deref()));
        Ok(Rows { plan: self.0.clone(), data, place: render::Place { stream, neck }, rows })
    }
}

fn read_lines(
    plan: &plan::Plan,
    bounds: &line::Bounds,
    data: &[u8],
    start: u64,
    offsets: Option<&[u64]>,
) -> rows::Rows {
    let utf8 = simdutf8::basic::from_utf8(data).is_ok(); // if all is, no line needs to be looked at
    let mut reader = line::Reader::new(plan, bounds, data, rows::Rows::default());
    let mut begin = 0;
    for (number, end) in memchr::memchr_iter(b'\n', data).enumerate() {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | 0);
        let raw = &data[begin..end];
        let before = raw.iter().take_while(|byte| blank(byte)).count();
        let behind = raw[before..].iter().rev().take_while(|byte| blank(byte)).count();
        if before < raw.len() {
            let offset = match offsets {
                Some(offsets) => offsets.get(number).copied().unwrap_or_default(),
                None => start + begin as u64,
            };
            let line = Span { start: (begin + before) as u32, end: (end - behind) as u32 };
            reader.read(line, offset, utf8);
        }
        begin = end + 1;
    }
    reader.rows
}

/// The records of a block.
#[pyclass]
struct Rows {
    plan: Arc<plan::Plan>,
    data: PyBackedBytes,
    place: render::Place,
    rows: rows::Rows,
}

#[pymethods]
impl Rows {
    /// The odd lines: where each stands in the block (start and end) and in the stream.
    fn odd(&self) -> Vec<(u32, u32, u64)> {
        self.rows.odd.iter().map(|odd| (odd.line.start, odd.line.end, odd.offset)).collect()
    }

    /// The texts that may hold personal data.
    fn suspects(&self) -> Vec<String> {
        let text = |suspect: &rows::Suspect| {
            let mut text = Vec::new();
            json::unescape(&self.data[suspect.start + 1..suspect.end - 1], &mut text);
            String::from_utf8_lossy(&text).into_owned()
        };
        self.rows.suspects.iter().map(text).collect()
    }

    /// Let `json` stand in the place of a text.
    fn replace(&mut self, suspect: usize, json: Vec<u8>) -> PyResult<()> {
        let suspect = self.rows.suspects.get_mut(suspect).ok_or_else(|| PyValueError::new_err("no such text"))?;
        suspect.replacement = Some(json);
        Ok(())
    }

    /// Take what the reference made of odd lines: which one it was, the type, the document and the record, as JSON.
    /// Then return all documents: the body of a bulk request, and where they end (as native 32-bit integers).
    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        accepted: Vec<(usize, String, Vec<u8>, Vec<u8>)>,
    ) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let odd: Vec<Odd> = self.rows.odd.clone();
        self.rows.first_foreign = self.rows.rows.len();
        let bounds = line::Bounds { earliest: i64::MIN, latest: i64::MAX, named_by_place: true };
        let mut reader = line::Reader::new(&self.plan, &bounds, &self.data, std::mem::take(&mut self.rows));
        for (which, name, document, record) in accepted {
            let line = odd.get(which).zip(self.plan.type_named(&name));
            let read = line.and_then(|(odd, kind)| reader.read_record(&record, kind, *odd));
            read.ok_or_else(|| PyValueError::new_err(format!("no record of type {name}: {}", record.escape_ascii())))?;
            reader.rows.foreign.push(document);
        }
        self.rows = reader.rows;
        let rows = &mut self.rows;
        rows.order = (0..rows.rows.len() as u32).collect();
        if !rows.foreign.is_empty() {
            rows.order.sort_unstable_by_key(|&row| rows.rows[row as usize].line.start);
        }
        let (body, ends) = py.detach(|| render::render(&self.plan, &self.rows, &self.data, &self.place));
        let ends: Vec<u8> = ends.into_iter().flat_map(u32::to_ne_bytes).collect();
        Ok((PyBytes::new(py, &body), PyBytes::new(py, &ends)))
    }

    fn __len__(&self) -> usize {
        self.rows.order.len()
    }

    /// How many rows there are of each type, at these places (default: everywhere).
    fn types(&self, kept: Option<Vec<usize>>) -> Vec<(&str, usize)> {
        let mut counts: Vec<(u8, usize)> = Vec::new();
        self.each(kept.as_deref(), |_, row| match counts.iter_mut().find(|(kind, _)| *kind == row.kind) {
            Some((_, count)) => *count += 1,
            None => counts.push((row.kind, 1)),
        });
        counts.into_iter().map(|(kind, count)| (self.plan.types[usize::from(kind)].name.as_str(), count)).collect()
    }

    /// The places of the rows of a type.
    fn places(&self, name: &str) -> Vec<usize> {
        let wanted = self.plan.type_named(name);
        let mut places = Vec::new();
        self.each(None, |place, row| {
            if Some(usize::from(row.kind)) == wanted {
                places.push(place);
            }
        });
        places
    }

    /// Where the line of a row stands in the block (start and end) and in the stream.
    fn line(&self, place: usize) -> PyResult<(u32, u32, u64)> {
        let row = self.rows.order.get(place).map(|&row| &self.rows.rows[row as usize]);
        let row = row.ok_or_else(|| PyValueError::new_err("no such row"))?;
        Ok((row.line.start, row.line.end, row.offset))
    }
}

impl Rows {
    fn each(&self, kept: Option<&[usize]>, mut visit: impl FnMut(usize, &rows::Row)) {
        let mut at = |place: usize| {
            if let Some(&row) = self.rows.order.get(place) {
                visit(place, &self.rows.rows[row as usize]);
            }
        };
        match kept {
            None => (0..self.rows.order.len()).for_each(&mut at),
            Some(kept) => kept.iter().copied().for_each(&mut at),
        }
    }
}

/// Return what blocks of one process add to its metrics: counters (metric, labels, amount), histograms (metric, labels,
/// counts, sum, exemplars by bucket) and gauges (metric, labels, value). Each block comes with the places of its rows
/// that count (None: all). `last_seen` and `touched` are those of the process's session book; a session ends after
/// `gap` seconds.
#[pyfunction(name = "fold")]
fn fold_rows<'py>(
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

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Plan>()?;
    module.add_class::<Rows>()?;
    module.add_function(wrap_pyfunction!(fold_rows, module)?)
}
