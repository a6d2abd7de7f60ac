//! Which bin a number lies in, for many numbers at once.

/// The edges of bins, finite and ascending: bin `i` holds what lies above edge `i - 1` up to edge `i`.
///
/// The way from the first edge to the last is cut into cells of the same width. How many edges lie in the cells before
/// that of a number is known; those in its own cell are searched, mostly one at most. Rounding does no harm: a larger
/// number is never in an earlier cell, and the edges are put into cells by the same steps.
pub struct Edges {
    /// Filled up with infinity, which is below nothing: a search that starts at any edge ends within.
    edges: Box<[f64; 2 * BINS]>,
    pub number: usize,
    first: f64,
    cells_per_unit: f64,
    /// For each cell how many edges lie before it.
    before: Box<[u8; CELLS]>,
    /// How often the edges in the fullest cell have to be halved until none is left.
    steps: u32,
}

pub const MOST_EDGES: usize = BINS - 1;
pub const BINS: usize = 256;
/// How many numbers are looked for at once.
pub const LANES: usize = 32;
const CELLS: usize = 4096;
/// A whole number that is added to this is found in its lowest bits.
const WHOLE: f64 = (1u64 << 52) as f64;

impl Edges {
    /// None if there are more than `MOST_EDGES`, or one is not finite.
    pub fn new(edges: &[f64]) -> Option<Self> {
        if edges.iter().any(|edge| !edge.is_finite()) {
            return None;
        }
        let mut held = Box::new([f64::INFINITY; 2 * BINS]);
        held[..MOST_EDGES].get_mut(..edges.len())?.copy_from_slice(edges);
        let (first, last) = (held[0], edges.last().copied().unwrap_or(0.0));
        let cells_per_unit = CELLS as f64 / (last - first);
        let before = Box::new([0; CELLS]);
        let mut made = Edges { edges: held, number: edges.len(), first, cells_per_unit, before, steps: 0 };
        let mut inside = [0usize; CELLS];
        for edge in edges {
            inside[made.cell(*edge)] += 1;
        }
        let mut seen = 0;
        for (before, inside) in made.before.iter_mut().zip(inside) {
            *before = seen as u8;
            seen += inside;
            made.steps = made.steps.max(usize::BITS - inside.leading_zeros());
        }
        Some(made)
    }

    /// The cell of a number; that of NaN is the first one.
    #[inline]
    fn cell(&self, value: f64) -> usize {
        let cell = (value - self.first) * self.cells_per_unit;
        let cell = if cell > 0.0 { cell } else { 0.0 }; // one instruction, where `max` takes several for NaN's sake
        let cell = if cell < (CELLS - 1) as f64 { cell } else { (CELLS - 1) as f64 };
        (cell + WHOLE).to_bits() as usize & (CELLS - 1)
    }

    /// The bins of numbers; that of NaN is the first one.
    ///
    /// A binary search that takes the same steps for every number: nothing depends on a branch that the processor would
    /// have to guess, and while one number waits for its edge, the others go on.
    #[inline]
    pub fn places(&self, values: &[f64; LANES]) -> [u8; LANES] {
        let mut places = values.map(|value| self.cell(value)).map(|cell| self.before[cell]);
        for step in (0..self.steps).rev() {
            for (place, value) in places.iter_mut().zip(values) {
                let edge = self.edges[(usize::from(*place) + (1 << step) - 1) & (2 * BINS - 1)];
                *place = place.wrapping_add(u8::from(edge < *value) << step);
            }
        }
        places
    }
}
