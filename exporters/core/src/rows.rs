//! The records of a block, in columns: what the fold needs of each, and how its document comes to be.

use hashbrown::HashMap as Map;

/// Where a text stands: in the block, or, beyond the block's length, in the arena of texts that had escapes.
#[derive(Clone, Copy, Default)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

/// A record. Its time is in microseconds since 1970; `line` is where its line stands in the block.
#[derive(Clone, Copy, Default)]
pub struct Row {
    pub kind: u8,
    pub failed: bool,
    pub line: Span,
    pub offset: u64,
    pub time: i64,
    pub id: Span,
    pub session: Option<Span>,
    pub trace: Span,
}

/// A feature that a row lacks (null counts as lacking), or has a value of that is not valid.
pub struct Flaw {
    pub row: u32,
    pub feature: u32,
    pub invalid: bool,
}

/// A text (with its quotes, in the block) that may hold personal data, and what stands in its place then.
pub struct Suspect {
    pub start: usize,
    pub end: usize,
    pub replacement: Option<Vec<u8>>,
}

/// A line that only the reference can read, by its place in the block.
#[derive(Clone, Copy)]
pub struct Odd {
    pub line: Span,
    pub offset: u64,
}

/// A value of a feature that its baseline does not know, by the feature's place there.
pub struct Unseen {
    pub row: u32,
    pub place: u16,
    pub text: u32,
}

/// The symbol of what is absent, and that of an empty text.
pub const ABSENT: u32 = 0;
pub const EMPTY: u32 = 1;

/// Texts that repeat, by number.
pub struct Symbols {
    numbers: Map<Box<[u8]>, u32>,
    pub texts: Vec<Box<[u8]>>,
}

impl Default for Symbols {
    fn default() -> Self {
        Symbols { numbers: Map::new(), texts: vec![Box::default(), Box::default()] }
    }
}

impl Symbols {
    pub fn number(&mut self, text: &[u8]) -> u32 {
        if text.is_empty() {
            return EMPTY;
        }
        if let Some(&found) = self.numbers.get(text) {
            return found;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }
}

#[derive(Default)]
pub struct Rows {
    pub rows: Vec<Row>,
    /// So many of each per row as the plan says; NaN and i64::MIN are absent.
    pub symbols: Vec<u32>,
    pub numbers: Vec<f64>,
    pub integers: Vec<i64>,
    pub flaws: Vec<Flaw>,
    /// Where there is a baseline, per row and its features: the bin (or why it is in none), and the number.
    pub codes: Vec<u16>,
    pub values: Vec<f64>,
    pub unseen: Vec<Unseen>,
    /// Per row and feature whose values are looked at apart: which one, counted from 1; 0 for all others.
    pub segments: Vec<u16>,
    pub table: Symbols,
    pub arena: Vec<u8>,
    pub odd: Vec<Odd>,
    pub suspects: Vec<Suspect>,
    /// The rows in the order of the log, once those of odd lines are there too, which are appended.
    pub order: Vec<u32>,
    /// The documents of the rows from `first_foreign` on, made by the reference.
    pub foreign: Vec<Vec<u8>>,
    pub first_foreign: usize,
}

impl Rows {
    /// The text at a span of a row of the block `data`.
    pub fn text<'a>(&'a self, data: &'a [u8], span: Span) -> &'a [u8] {
        let (start, end) = (span.start as usize, span.end as usize);
        if start < data.len() || start == end {
            data.get(start..end).unwrap_or_default()
        } else {
            &self.arena[start - data.len()..end - data.len()]
        }
    }
}
