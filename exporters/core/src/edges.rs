//! Which bin a number lies in, for many numbers at once.

/// The edges of bins, finite and ascending: bin `i` holds what lies above edge `i - 1` up to edge `i`.
pub struct Edges {
    /// Filled up with infinity. With 256 of them no place is ever out of bounds.
    edges: Box<[f64; 256]>,
    pub number: usize,
    first_step: u32,
}

pub const MOST_EDGES: usize = 255;
/// How many numbers are looked for at once.
pub const LANES: usize = 8;

impl Edges {
    /// None if there are more than `MOST_EDGES`, or one is not finite.
    pub fn new(edges: &[f64]) -> Option<Self> {
        if edges.iter().any(|edge| !edge.is_finite()) {
            return None;
        }
        let mut held = Box::new([f64::INFINITY; 256]);
        for (into, edge) in held[..MOST_EDGES].get_mut(..edges.len())?.iter_mut().zip(edges) {
            *into = edge + 0.0; // minus zero becomes zero, or its difference from zero would have a sign
        }
        Some(Edges { edges: held, number: edges.len(), first_step: (edges.len() + 1).next_power_of_two() as u32 / 2 })
    }

    /// The bins of numbers; that of NaN is the first one.
    ///
    /// A binary search that takes the same steps for every number: nothing depends on a branch that the processor would
    /// have to guess, and while one number waits for its edge, the others go on. A comparison would be made a branch by
    /// the compiler; the sign of the difference tells the same.
    #[inline]
    pub fn places(&self, values: &[f64; LANES]) -> [u32; LANES] {
        let values = values.map(|value| value.max(f64::NEG_INFINITY)); // which NaN becomes
        let mut places = [0u32; LANES];
        let mut step = self.first_step;
        while step > 0 {
            for (place, value) in places.iter_mut().zip(values) {
                let edge = self.edges[((*place + step - 1) & 255) as usize];
                let above = ((edge - value).to_bits() >> 63) as u32;
                *place += step & 0u32.wrapping_sub(above);
            }
            step /= 2;
        }
        places.map(|place| place.min(self.number as u32)) // infinity may have gone on among the infinite ones
    }
}
