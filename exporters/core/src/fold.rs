//! What rows add to the metrics, as their recipes say: the same as `aiwatch/kinds/folding.py`, in the same order, to
//! the last digit.

use hashbrown::HashMap as Map;

use crate::plan::{Column, MOST_LABELS, Plan, Recipe, Type};
use crate::rows::{EMPTY, Rows, Symbols};

/// The rows of a block that count: all, or those at these places in the order of the log.
pub struct Part<'a> {
    pub rows: &'a Rows,
    pub kept: Option<Vec<usize>>,
}

impl Part<'_> {
    /// Visit every row that counts, in the order of the log.
    pub fn each(&self, mut visit: impl FnMut(usize)) {
        match &self.kept {
            None => self.rows.order.iter().for_each(|&row| visit(row as usize)),
            Some(kept) => {
                kept.iter().filter_map(|&place| self.rows.order.get(place)).for_each(|&row| visit(row as usize));
            }
        }
    }
}

/// The place of a value among bounds that ascend: before the first one that is not below it.
#[inline]
pub fn search(bounds: &[f64], value: f64) -> usize {
    bounds.partition_point(|&bound| bound < value)
}

/// What the rows of one type come to.
pub struct TypeSum {
    pub kind: usize,
    /// By model version, in the order of their first appearance; one alone of what is no traffic.
    pub groups: Vec<Group>,
    by_version: Map<u32, usize>,
    pub newest: i64,
    /// By feature: how often it was missing, and not valid.
    pub missing: Vec<u64>,
    pub invalid: Vec<u64>,
}

pub struct Group {
    pub version: u32,
    /// By further labels, in the order of their first appearance.
    pub counts: Vec<([u32; MOST_LABELS], u64)>,
    by_labels: Map<[u32; MOST_LABELS], usize>,
    pub failed: u64,
    pub observed: Vec<Histogram>,
    pub summed: Vec<Sum>,
}

pub struct Histogram {
    pub counts: Vec<u64>,
    pub sum: f64,
    pub seen: bool,
    /// By bucket, the newest row that was traced: which part, and which row of it.
    pub traced: Vec<Option<(usize, usize)>>,
}

#[derive(Default)]
pub struct Sum {
    pub float: f64,
    pub integer: i128,
    pub seen: bool,
}

/// The sums of all types, in the order of their first appearance, and the symbols that they are told in.
pub fn fold(plan: &Plan, parts: &[Part]) -> (Vec<TypeSum>, Symbols) {
    let mut table = Symbols::default();
    let defaults: Vec<Defaults> = plan.types.iter().map(|each| Defaults::new(plan, &each.recipe, &mut table)).collect();
    let mut sums: Vec<TypeSum> = Vec::new();
    let mut places = vec![usize::MAX; plan.types.len()];
    for (at, part) in parts.iter().enumerate() {
        let rows = part.rows;
        // A block's symbols in those of all blocks.
        let symbols: Vec<u32> = rows.table.texts.iter().map(|text| table.number(text)).collect();
        let mut counted = vec![false; rows.rows.len()];
        part.each(|row| {
            counted[row] = true;
            let kind = usize::from(rows.rows[row].kind);
            if places[kind] == usize::MAX {
                places[kind] = sums.len();
                sums.push(TypeSum::new(kind, &plan.types[kind]));
            }
            sums[places[kind]].add(plan, &defaults[kind], &symbols, rows, at, row);
        });
        for flaw in rows.flaws.iter().filter(|flaw| counted[flaw.row as usize]) {
            let sum = &mut sums[places[usize::from(rows.rows[flaw.row as usize].kind)]];
            let counts = if flaw.invalid { &mut sum.invalid } else { &mut sum.missing };
            counts[flaw.feature as usize] += 1;
        }
    }
    (sums, table)
}

/// The symbols that stand for what is absent.
struct Defaults {
    version: u32,
    labels: [u32; MOST_LABELS],
}

impl Defaults {
    fn new(plan: &Plan, recipe: &Recipe, table: &mut Symbols) -> Self {
        let mut labels = [0; MOST_LABELS];
        for (symbol, (_, absent)) in labels.iter_mut().zip(&recipe.labels) {
            *symbol = table.number(absent.as_bytes());
        }
        let version = if recipe.traffic { table.number(plan.names.unknown.as_bytes()) } else { 0 };
        Defaults { version, labels }
    }
}

impl TypeSum {
    fn new(kind: usize, of: &Type) -> Self {
        TypeSum {
            kind,
            groups: Vec::new(),
            by_version: Map::new(),
            newest: i64::MIN,
            missing: vec![0; of.features.len()],
            invalid: vec![0; of.features.len()],
        }
    }

    #[inline]
    fn add(&mut self, plan: &Plan, defaults: &Defaults, symbols: &[u32], rows: &Rows, part: usize, at: usize) {
        let recipe = &plan.types[self.kind].recipe;
        let row = &rows.rows[at];
        let symbol = |column: Option<usize>, absent: u32| -> u32 {
            match column.map_or(EMPTY, |column| rows.symbols[at * plan.symbols + column]) {
                ..=EMPTY => absent,
                found => symbols[found as usize],
            }
        };
        let version = symbol(recipe.version, defaults.version);
        let groups = &mut self.groups;
        let group = *self.by_version.entry(version).or_insert_with(|| {
            groups.push(Group::new(version, recipe));
            groups.len() - 1
        });
        let group = &mut groups[group];

        let mut labels = [0; MOST_LABELS];
        for (place, (column, _)) in recipe.labels.iter().enumerate() {
            labels[place] = symbol(*column, defaults.labels[place]);
        }
        let counts = &mut group.counts;
        let count = *group.by_labels.entry(labels).or_insert_with(|| {
            counts.push((labels, 0));
            counts.len() - 1
        });
        counts[count].1 += 1;
        group.failed += u64::from(row.failed);

        for (histogram, observed) in group.observed.iter_mut().zip(&recipe.observed) {
            let value = rows.numbers[at * plan.numbers + observed.column];
            if value.is_nan() {
                continue;
            }
            let bucket = search(&observed.bounds, value);
            histogram.counts[bucket] += 1;
            histogram.sum += value;
            histogram.seen = true;
            if row.trace.start != row.trace.end {
                histogram.traced[bucket] = Some((part, at));
            }
        }
        for (sum, (_, _, column)) in group.summed.iter_mut().zip(&recipe.summed) {
            match *column {
                Column::Integer(column) => match rows.integers[at * plan.integers + column] {
                    i64::MIN => {}
                    value => (sum.integer, sum.seen) = (sum.integer + i128::from(value), true),
                },
                Column::Number(column) => match rows.numbers[at * plan.numbers + column] {
                    value if value.is_nan() => {}
                    value => (sum.float, sum.seen) = (sum.float + value, true),
                },
                _ => {}
            }
        }
        self.newest = self.newest.max(row.time);
    }
}

impl Group {
    fn new(version: u32, recipe: &Recipe) -> Self {
        let histogram =
            |buckets: usize| Histogram { counts: vec![0; buckets], sum: 0.0, seen: false, traced: vec![None; buckets] };
        Group {
            version,
            counts: Vec::new(),
            by_labels: Map::new(),
            failed: 0,
            observed: recipe.observed.iter().map(|observed| histogram(observed.bounds.len() + 1)).collect(),
            summed: recipe.summed.iter().map(|_| Sum::default()).collect(),
        }
    }
}
