//! How many numbers of a column lie in each bin, for comparing whole files.

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PySlice};

use crate::edges::{BINS, Edges, LANES, MOST_EDGES};

/// How many numbers are copied at once, so that the copy stays near the processor.
const BLOCK: usize = 8192;

/// Return how many of `values` lie in each bin, and how many are NaN. `edges` are finite and ascend, 255 at most; bin `i`
/// holds what lies above `edges[i - 1]` up to `edges[i]`, and there is one bin more than edges. Both are buffers of
/// doubles.
#[pyfunction]
pub fn bin_counts(values: &Bound<'_, PyAny>, edges: PyBuffer<f64>) -> PyResult<(Vec<u64>, u64)> {
    let py = values.py();
    let edges = Edges::new(&edges.to_vec(py)?)
        .ok_or_else(|| PyValueError::new_err(format!("more than {MOST_EDGES} edges, or infinite ones")))?;
    let values = PyMemoryView::from(values)?;
    let mut counts = Counts { bins: Box::new([[0; 4]; BINS]), nans: 0 };
    for start in (0..values.len()?).step_by(BLOCK) {
        let block = values.get_item(PySlice::new(py, start as isize, (start + BLOCK) as isize, 1))?;
        let numbers = PyBuffer::<f64>::get(&block)?.to_vec(py)?;
        py.detach(|| counts.add(&numbers, &edges));
    }
    Ok(counts.finish(edges.number))
}

struct Counts {
    /// Several counters for each bin, so that numbers in the same bin do not wait for each other.
    bins: Box<[[u64; 4]; BINS]>,
    /// They lie above no edge, and so are in the first bin as well.
    nans: u64,
}

impl Counts {
    fn add(&mut self, values: &[f64], edges: &Edges) {
        let chunks = values.chunks_exact(LANES);
        let rest = chunks.remainder();
        for chunk in chunks {
            self.add_all(chunk.try_into().expect("a whole chunk"), edges);
        }
        let mut last = [f64::NAN; LANES];
        last[..rest.len()].copy_from_slice(rest);
        self.add_all(&last, edges);
        self.bins[0][0] -= (LANES - rest.len()) as u64;
        self.nans -= (LANES - rest.len()) as u64;
    }

    fn add_all(&mut self, numbers: &[f64; LANES], edges: &Edges) {
        for (lane, place) in edges.places(numbers).into_iter().enumerate() {
            self.bins[usize::from(place)][lane % 4] += 1;
        }
        self.nans += numbers.iter().map(|number| u64::from(number.is_nan())).sum::<u64>();
    }

    fn finish(self, edges: usize) -> (Vec<u64>, u64) {
        let mut counts: Vec<u64> = self.bins[..=edges].iter().map(|counts| counts.iter().sum()).collect();
        counts[0] -= self.nans;
        (counts, self.nans)
    }
}
