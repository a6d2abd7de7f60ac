//! How many numbers of a column lie in each bin, for comparing whole files.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::edges::{Edges, LANES, MOST_EDGES};

/// Return how many of `values` lie in each bin, and how many are NaN. `edges` are finite and ascend, 255 at most; bin `i`
/// holds what lies above `edges[i - 1]` up to `edges[i]`, and there is one bin more than edges. Both are buffers of
/// doubles.
#[pyfunction]
pub fn bin_counts(py: Python<'_>, values: PyBuffer<f64>, edges: PyBuffer<f64>) -> PyResult<(Vec<u64>, u64)> {
    let (values, edges) = (values.to_vec(py)?, edges.to_vec(py)?);
    let edges = Edges::new(&edges)
        .ok_or_else(|| PyValueError::new_err(format!("more than {MOST_EDGES} edges, or infinite ones")))?;
    Ok(py.detach(|| count(&values, &edges)))
}

fn count(values: &[f64], edges: &Edges) -> (Vec<u64>, u64) {
    // Several counters for each bin, so that numbers in the same bin do not wait for each other.
    let mut counts = vec![[0u64; 4]; edges.number + 1];
    let mut first = 0; // what does not count: NaN, which is above no edge, and what the last chunk lacks
    for chunk in values.chunks(LANES) {
        let mut numbers = [f64::NAN; LANES];
        numbers[..chunk.len()].copy_from_slice(chunk);
        for (lane, place) in edges.places(&numbers).into_iter().enumerate() {
            counts[place as usize][lane % 4] += 1;
        }
        first += numbers.iter().map(|number| u64::from(number.is_nan())).sum::<u64>();
    }
    let mut counts: Vec<u64> = counts.iter().map(|counts| counts.iter().sum()).collect();
    counts[0] -= first;
    (counts, first - (values.len().next_multiple_of(LANES) - values.len()) as u64)
}
