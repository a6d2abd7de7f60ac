//! What predictions looked like, hour by hour: the same as `aiwatch/profiles/fold.py`, to the last digit.

use std::collections::BTreeMap;

use hashbrown::HashMap as Map;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::edges::{Edges, LANES, MOST_EDGES};
use crate::fold::{Part, search};
use crate::rows::{ABSENT, EMPTY, Rows, Symbols};

/// The codes of values that are in no bin.
pub const MISSING: u16 = 0xFFFF;
pub const INVALID: u16 = 0xFFFE;
pub const UNSEEN: u16 = 0xFFFD;
/// That of a number whose bin is not yet looked for.
pub const NUMBER: u16 = 0xFFFC;
/// A table with more texts is cleared of those that are not needed any more.
const MANY_TEXTS: usize = 1000;
const HOUR: i64 = 3_600_000_000;

/// What Python says of a baseline; see `ProfilePlan` in `aiwatch/ingest/core.py`.
#[derive(FromPyObject)]
pub struct ProfileText {
    pub features: Vec<ShapeText>,
    pub relations: Vec<(usize, Vec<i32>)>,
    pub prediction: Option<(usize, String)>,
    pub decision: Option<String>,
    pub segments: Vec<(usize, Vec<String>)>,
    pub latency_bounds: Vec<f64>,
    pub most_unseen: usize,
    pub most_repeats: usize,
    pub longest: usize,
    pub largest: f64,
    pub other: String,
}

#[derive(FromPyObject)]
pub struct ShapeText {
    pub name: String,
    /// Of a number; None of a category.
    pub edges: Option<Vec<f64>>,
    pub values: Vec<String>,
}

/// How predictions are counted. Columns are those of the rows.
pub struct Profile {
    pub shapes: Vec<Shape>,
    /// A feature, and the score of each of its bins; 0 for all other codes.
    pub relations: Vec<(usize, Vec<f32>)>,
    /// So many rows have sums of products that single precision still holds exactly.
    pub exact_rows: u32,
    /// Which of the features is the model's output, and its column.
    pub prediction: Option<(usize, usize)>,
    pub decision: Option<usize>,
    pub latency: usize,
    pub label: usize,
    pub version: usize,
    /// How many values are looked at apart, of each feature that has some.
    pub segments: Vec<usize>,
    pub latency_bounds: Vec<f64>,
    pub most_unseen: usize,
    pub most_repeats: usize,
    pub longest: usize,
    pub largest: f64,
    pub other: String,
    pub unknown: String,
}

pub enum Shape {
    Number(Edges),
    Category(Map<Vec<u8>, u16>),
}

impl Shape {
    /// Read a shape.
    pub fn new(text: &ShapeText) -> PyResult<Self> {
        let Some(edges) = &text.edges else {
            let places = text.values.iter().enumerate();
            let places = places.map(|(place, value)| (value.clone().into_bytes(), place as u16));
            return Ok(Shape::Category(places.collect()));
        };
        let too_many =
            || PyValueError::new_err(format!("{} has more than {MOST_EDGES} edges, or infinite ones", text.name));
        Ok(Shape::Number(Edges::new(edges).ok_or_else(too_many)?))
    }

    fn bins(&self) -> usize {
        match self {
            Shape::Number(edges) => edges.number + 1,
            Shape::Category(values) => values.len(),
        }
    }
}

impl Profile {
    /// A number as it is counted: what is very large stays within bounds, and minus zero is zero.
    pub fn within(&self, value: f64) -> f64 {
        value.clamp(-self.largest, self.largest) + 0.0
    }
}

/// Look for the bins of all numbers in the rows, feature by feature.
pub fn place_numbers(profile: &Profile, rows: &mut Rows) {
    let width = profile.shapes.len();
    for (feature, shape) in profile.shapes.iter().enumerate() {
        let Shape::Number(edges) = shape else { continue };
        for (codes, values) in rows.codes.chunks_mut(width * LANES).zip(rows.values.chunks(width * LANES)) {
            let mut numbers = [0.0; LANES];
            for (number, value) in numbers.iter_mut().zip(values[feature..].iter().step_by(width)) {
                *number = *value;
            }
            let places = edges.places(&numbers);
            for (code, place) in codes[feature..].iter_mut().step_by(width).zip(places) {
                if *code == NUMBER {
                    *code = u16::from(place);
                }
            }
        }
    }
}

/// A model version in an hour (since 1970).
pub struct Cell {
    pub version: u32,
    pub hour: i64,
    pub rows: u64,
    pub errors: u64,
    pub counts: Vec<Counts>,
    pub decisions: Bounded,
    pub latency: Vec<u64>,
    pub latency_total: f64,
    pub sums: Vec<i64>,
    pub products: Vec<i64>,
    /// What is not yet added to these: integers, in as few bytes as hold them exactly, of so many rows.
    recent: (Vec<f32>, Vec<f32>, u32),
    pub repeats: BTreeMap<u32, u64>,
    pub labels: BTreeMap<u16, (u64, f64)>,
    /// By feature and value, the rows and their counts.
    pub segments: Vec<Vec<(u64, Vec<Counts>)>>,
}

#[derive(Clone)]
pub struct Counts {
    pub bins: Vec<u64>,
    pub missing: u64,
    pub invalid: u64,
    pub unseen: Bounded,
    pub total: f64,
    pub squares: f64,
    /// The least and the greatest number, once there is one.
    pub range: Option<(f64, f64)>,
}

/// Numbers by value; the rarest of too many values are counted together as `other`.
#[derive(Clone, Default)]
pub struct Bounded {
    pub counts: Vec<(u32, u64)>,
    pub other: Option<u64>,
}

impl Bounded {
    fn add(&mut self, value: u32, other: u32, most: usize, table: &Symbols) {
        if value == other {
            *self.other.get_or_insert(0) += 1;
        } else if let Some((_, count)) = self.counts.iter_mut().find(|(held, _)| *held == value) {
            *count += 1;
        } else {
            self.counts.push((value, 1));
            self.bound(most, table);
        }
    }

    /// Count the rarest of too many values as others.
    fn bound(&mut self, most: usize, table: &Symbols) {
        while self.counts.len() > most {
            let rarest = (0..self.counts.len()).min_by_key(|&at| {
                let (value, count) = self.counts[at];
                (count, &table.texts[value as usize])
            });
            let (_, count) = self.counts.swap_remove(rarest.unwrap_or_default());
            *self.other.get_or_insert(0) += count;
        }
    }

    /// Add what another one counted, whose symbols are those of `theirs`.
    fn merge(&mut self, other: &Bounded, most: usize, theirs: &Symbols, table: &mut Symbols) {
        for &(value, count) in &other.counts {
            let value = table.number(&theirs.texts[value as usize]);
            match self.counts.iter_mut().find(|(held, _)| *held == value) {
                Some((_, held)) => *held += count,
                None => self.counts.push((value, count)),
            }
        }
        if let Some(count) = other.other {
            *self.other.get_or_insert(0) += count;
        }
        self.bound(most, table);
    }

    /// Tell the values in the symbols of another table.
    fn renumber(&mut self, from: &Symbols, into: &mut Symbols) {
        for (value, _) in &mut self.counts {
            *value = into.number(&from.texts[*value as usize]);
        }
    }
}

impl Counts {
    fn empty(shape: &Shape) -> Self {
        Counts {
            bins: vec![0; shape.bins()],
            missing: 0,
            invalid: 0,
            unseen: Bounded::default(),
            total: 0.0,
            squares: 0.0,
            range: None,
        }
    }

    /// Add what another one counted with the same shape.
    fn merge(&mut self, other: &Counts, most: usize, theirs: &Symbols, table: &mut Symbols) {
        add_all(&mut self.bins, &other.bins);
        self.missing += other.missing;
        self.invalid += other.invalid;
        self.unseen.merge(&other.unseen, most, theirs, table);
        self.total += other.total;
        self.squares += other.squares;
        if let Some((low, high)) = other.range {
            let (mine, greatest) = self.range.unwrap_or((low, high));
            self.range = Some((mine.min(low), greatest.max(high)));
        }
    }

    #[inline]
    fn add(&mut self, code: u16, value: f64, numeric: bool) {
        match code {
            MISSING => self.missing += 1,
            INVALID => self.invalid += 1,
            UNSEEN => {} // by their texts, apart
            bin => {
                self.bins[usize::from(bin)] += 1;
                if numeric {
                    self.total += value;
                    self.squares += value * value;
                    let (low, high) = self.range.unwrap_or((value, value));
                    self.range = Some((if value < low { value } else { low }, if value > high { value } else { high }));
                }
            }
        }
    }
}

/// The profile of each version and hour, in the order of their first appearance, and the symbols they are told in.
pub fn profiles(profile: &Profile, strides: (usize, usize), parts: &[Part]) -> (Vec<Cell>, Symbols) {
    let mut table = Symbols::default();
    let (unknown, other) = (table.number(profile.unknown.as_bytes()), table.number(profile.other.as_bytes()));
    let mut cells: Vec<Cell> = Vec::new();
    let mut places: Map<(u32, i64), usize> = Map::new();
    let mut scores = vec![0.0; profile.relations.len()];
    for part in parts {
        let rows = part.rows;
        let symbols: Vec<u32> = rows.table.texts.iter().map(|text| table.number(text)).collect();
        let mut unseen: Map<u32, Vec<(u16, u32)>> = Map::new();
        for each in &rows.unseen {
            unseen.entry(each.row).or_default().push((each.place, symbols[each.text as usize]));
        }
        part.each(|at| {
            let row = &rows.rows[at];
            let symbol = |column: usize| rows.symbols[at * strides.0 + column];
            let number = |column: usize| rows.numbers[at * strides.1 + column];
            let version =
                if symbol(profile.version) <= EMPTY { unknown } else { symbols[symbol(profile.version) as usize] };
            let hour = row.time.div_euclid(HOUR);
            let cell = *places.entry((version, hour)).or_insert_with(|| {
                cells.push(Cell::new(profile, version, hour));
                cells.len() - 1
            });
            let cell = &mut cells[cell];
            let width = profile.shapes.len();
            let codes = &rows.codes[at * width..(at + 1) * width];
            let values = &rows.values[at * width..(at + 1) * width];
            let missed = unseen.get(&(at as u32)).map_or(&[][..], Vec::as_slice);
            cell.rows += 1;
            cell.errors += u64::from(row.failed);
            count(&mut cell.counts, profile, codes, values, missed, other, &table);
            if let Some(column) = profile.decision.filter(|&column| symbol(column) > ABSENT) {
                cell.decisions.add(symbols[symbol(column) as usize], other, profile.most_unseen, &table);
            }
            let latency = number(profile.latency);
            if !latency.is_nan() {
                cell.latency[search(&profile.latency_bounds, latency)] += 1;
                cell.latency_total += profile.within(latency);
            }
            cell.relate(profile, codes, &mut scores);
            cell.repeat(codes, profile.most_repeats);
            let label = number(profile.label);
            if let Some((place, _)) = profile.prediction.filter(|&(place, _)| codes[place] < UNSEEN && !label.is_nan())
            {
                let (rows, total) = cell.labels.entry(codes[place]).or_default();
                *rows += 1;
                *total += profile.within(label);
            }
            for (which, segments) in cell.segments.iter_mut().enumerate() {
                let segment = rows.segments[at * profile.segments.len() + which];
                if segment > 0 {
                    let (rows, counts) = &mut segments[usize::from(segment) - 1];
                    if counts.is_empty() {
                        *counts = profile.shapes.iter().map(Counts::empty).collect();
                    }
                    *rows += 1;
                    count(counts, profile, codes, values, missed, other, &table);
                }
            }
        });
    }
    cells.iter_mut().for_each(Cell::settle);
    (cells, table)
}

/// Add a row's values to the counts of their features.
fn count(
    held: &mut [Counts],
    profile: &Profile,
    codes: &[u16],
    values: &[f64],
    unseen: &[(u16, u32)],
    other: u32,
    table: &Symbols,
) {
    for (((counts, shape), &code), &value) in held.iter_mut().zip(&profile.shapes).zip(codes).zip(values) {
        counts.add(code, value, matches!(shape, Shape::Number(_)));
    }
    for &(place, text) in unseen {
        held[usize::from(place)].unseen.add(text, other, profile.most_unseen, table);
    }
}

impl Cell {
    fn new(profile: &Profile, version: u32, hour: i64) -> Self {
        let number = profile.relations.len();
        Cell {
            version,
            hour,
            rows: 0,
            errors: 0,
            counts: profile.shapes.iter().map(Counts::empty).collect(),
            decisions: Bounded::default(),
            latency: vec![0; profile.latency_bounds.len() + 1],
            latency_total: 0.0,
            sums: vec![0; number],
            products: vec![0; number * (number + 1) / 2],
            recent: (vec![0.0; number], vec![0.0; number * (number + 1) / 2], 0),
            repeats: BTreeMap::new(),
            labels: BTreeMap::new(),
            segments: profile.segments.iter().map(|&values| vec![(0, Vec::new()); values]).collect(),
        }
    }

    /// Add what another one counted with the same baseline; its symbols are those of `theirs`.
    pub fn merge(&mut self, other: &Cell, profile: &Profile, theirs: &Symbols, table: &mut Symbols) {
        let most = profile.most_unseen;
        self.rows += other.rows;
        self.errors += other.errors;
        for (mine, other) in self.counts.iter_mut().zip(&other.counts) {
            mine.merge(other, most, theirs, table);
        }
        self.decisions.merge(&other.decisions, most, theirs, table);
        add_all(&mut self.latency, &other.latency);
        self.latency_total += other.latency_total;
        add_all(&mut self.sums, &other.sums);
        add_all(&mut self.products, &other.products);
        for (&hash, &rows) in &other.repeats {
            *self.repeats.entry(hash).or_default() += rows;
        }
        while self.repeats.len() > profile.most_repeats {
            self.repeats.pop_last();
        }
        for (&place, &(rows, total)) in &other.labels {
            let held = self.labels.entry(place).or_default();
            *held = (held.0 + rows, held.1 + total);
        }
        for (mine, others) in self.segments.iter_mut().zip(&other.segments) {
            for ((rows, counts), (more, others)) in mine.iter_mut().zip(others).filter(|(_, (more, _))| *more > 0) {
                if counts.is_empty() {
                    *counts = profile.shapes.iter().map(Counts::empty).collect();
                }
                *rows += more;
                for (mine, other) in counts.iter_mut().zip(others) {
                    mine.merge(other, most, theirs, table);
                }
            }
        }
        if table.texts.len() > MANY_TEXTS {
            let held = std::mem::take(table); // most are of values that count as others by now
            self.renumber(&held, table);
        }
    }

    /// Tell all values in the symbols of another table.
    pub fn renumber(&mut self, from: &Symbols, into: &mut Symbols) {
        self.version = into.number(&from.texts[self.version as usize]);
        self.decisions.renumber(from, into);
        let segments = self.segments.iter_mut().flatten().flat_map(|(_, counts)| counts);
        for counts in self.counts.iter_mut().chain(segments) {
            counts.unseen.renumber(from, into);
        }
    }

    /// Add the row's scores and their products.
    #[inline]
    fn relate(&mut self, profile: &Profile, codes: &[u16], scores: &mut [f32]) {
        for (score, (feature, by_bin)) in scores.iter_mut().zip(&profile.relations) {
            *score = by_bin.get(usize::from(codes[*feature])).copied().unwrap_or(0.0);
        }
        let (sums, products, rows) = &mut self.recent;
        let mut products = products.as_mut_slice();
        for (first, &score) in scores.iter().enumerate() {
            sums[first] += score;
            let (row, rest) = products.split_at_mut(scores.len() - first);
            for (product, other) in row.iter_mut().zip(&scores[first..]) {
                *product += score * other;
            }
            products = rest;
        }
        *rows += 1;
        if *rows >= profile.exact_rows {
            self.settle();
        }
    }

    /// Add what is recent to the sums.
    fn settle(&mut self) {
        let (sums, products, rows) = &mut self.recent;
        for (sum, recent) in self.sums.iter_mut().zip(sums).chain(self.products.iter_mut().zip(products)) {
            *sum += *recent as i64;
            *recent = 0.0;
        }
        *rows = 0;
    }

    /// Count the row by its hash, if that is among the smallest.
    #[inline]
    fn repeat(&mut self, codes: &[u16], most: usize) {
        let mut hasher = crc32fast::Hasher::new();
        let mut bytes = [0; 64];
        for chunk in codes.chunks(32) {
            for (two, code) in bytes.chunks_exact_mut(2).zip(chunk) {
                two.copy_from_slice(&code.to_le_bytes());
            }
            hasher.update(&bytes[..2 * chunk.len()]);
        }
        let hash = hasher.finalize();
        if self.repeats.len() < most || self.repeats.last_key_value().is_some_and(|(&largest, _)| hash <= largest) {
            *self.repeats.entry(hash).or_default() += 1;
            if self.repeats.len() > most {
                self.repeats.pop_last();
            }
        }
    }
}

fn add_all<T: std::ops::AddAssign + Copy>(mine: &mut [T], others: &[T]) {
    for (mine, other) in mine.iter_mut().zip(others) {
        *mine += *other;
    }
}
