//! The hot path of the log engine: the usual lines of a block, all at once and without a Python object for each.
//!
//! Data flows one way: `line` reads each line (with `json` and `time`) into a row of `rows`; what is odd goes to the
//! reference in Python and comes back; `render` makes the documents. Once it is known which of them were stored,
//! `fold` sums up what they add to the metrics and `profile` what the hours' predictions looked like, which `metrics`
//! and `hours` hand over to Python. `plan` is what Python says beforehand. Nothing here does any I/O, and no input makes
//! it panic: what is not plainly right is odd.

mod bins;
mod edges;
mod fold;
mod hours;
mod json;
mod line;
mod metrics;
mod personal;
mod plan;
mod profile;
mod render;
mod rows;
mod time;

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

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
        let (body, ends) = py.detach(|| {
            if let Some((_, profile)) = &self.plan.profile {
                profile::place_numbers(profile, &mut self.rows);
            }
            render::render(&self.plan, &self.rows, &self.data, &self.place)
        });
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

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Plan>()?;
    module.add_class::<Rows>()?;
    module.add_class::<hours::Hour>()?;
    module.add_function(wrap_pyfunction!(bins::bin_counts, module)?)?;
    module.add_function(wrap_pyfunction!(metrics::fold_rows, module)?)?;
    module.add_function(wrap_pyfunction!(hours::profiles, module)?)
}
