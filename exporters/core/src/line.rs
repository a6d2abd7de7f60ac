//! One line becomes a row, or is odd. Everything that makes a line usual is decided here.

use crate::json::{Cursor, DEPTH, Number, Text, unescape};
use crate::plan::{Check, Column, Feature, Field, Kind, Plan, Type};
use crate::profile::{INVALID, MISSING, NUMBER, Shape, UNSEEN};
use crate::rows::{Flaw, Odd, Row, Rows, Span, Suspect, Unseen};
use crate::time;

/// Longer ids are looked at by the reference: Elasticsearch takes 512 bytes with what stands before them.
const PLAIN_ID: usize = 100;

/// Which times are believed, in microseconds since 1970, and whether a line may be named by its place.
pub struct Bounds {
    pub earliest: i64,
    pub latest: i64,
    pub named_by_place: bool,
}

/// Why a line did not become a row of the type that was tried.
enum Miss {
    Odd,
    /// Another type may fit: the tag has another value, or did not come before something was wrong.
    Type,
}

/// Reads lines into rows. What it remembers from line to line only makes it faster.
pub struct Reader<'a> {
    plan: &'a Plan,
    bounds: &'a Bounds,
    data: &'a [u8],
    pub rows: Rows,
    /// The type of the last line: the next one is most likely of the same.
    last: usize,
    /// By type, the field (and the feature) that followed on each one in the last line: it most likely does again.
    next_field: Vec<Vec<usize>>,
    next_feature: Vec<Vec<usize>>,
    /// The number of the line in which each feature was seen last.
    seen: Vec<Vec<u32>>,
    number: u32,
    found: Found,
    scratch: Vec<u8>,
}

/// What was found in the line so far; it becomes a row only when the whole line is usual.
#[derive(Default)]
struct Found {
    row: Row,
    symbols: Vec<u32>,
    numbers: Vec<f64>,
    integers: Vec<i64>,
    flaws: Vec<(u32, bool)>,
    suspects: Vec<(usize, usize)>,
    features: bool,
    codes: Vec<u16>,
    values: Vec<f64>,
    unseen: Vec<(u16, u32)>,
    segments: Vec<u16>,
}

/// The value of a feature: a number (with its place, if it is an integer), a category, or something else.
enum Value<'a> {
    Number(f64, Option<&'a [u8]>),
    Category(&'a [u8]),
    Other,
}

impl<'a> Reader<'a> {
    pub fn new(plan: &'a Plan, bounds: &'a Bounds, data: &'a [u8], rows: Rows) -> Self {
        let last = plan.types.iter().position(|each| !each.tags.is_empty()).unwrap_or(0);
        Reader {
            plan,
            bounds,
            data,
            rows,
            last,
            next_field: plan.types.iter().map(|each| vec![0; each.fields.len() + 1]).collect(),
            next_feature: plan.types.iter().map(|each| vec![0; each.features.len() + 1]).collect(),
            seen: plan.types.iter().map(|each| vec![0; each.features.len()]).collect(),
            number: 0,
            found: Found::default(),
            scratch: Vec::new(),
        }
    }

    /// Read the line that stands at `line` in the block, without blanks around it.
    pub fn read(&mut self, line: Span, offset: u64, utf8: bool) {
        let bytes = &self.data[line.start as usize..line.end as usize];
        // Control characters must not stand in strings; between values tabs could, but hardly do. One fold without an
        // early end is what the compiler makes vector instructions of.
        let controls = bytes.iter().fold(false, |found, &byte| found | (byte < b' '));
        if controls
            || !(utf8 || simdutf8::basic::from_utf8(bytes).is_ok())
            || !self.try_types(bytes, line.start as usize)
        {
            self.rows.odd.push(Odd { line, offset });
            return;
        }
        self.found.row.line = line;
        self.found.row.offset = offset;
        self.keep();
    }

    /// Read the record of an odd line, as the reference wrote it: everything in it is right.
    pub fn read_record(&mut self, record: &[u8], kind: usize, odd: Odd) -> Option<()> {
        let base = self.append_text(record).start as usize; // where its texts stand from now on
        self.try_type(record, base, kind, true).ok()?;
        self.found.row.id = Span::default();
        self.found.row.line = odd.line;
        self.found.row.offset = odd.offset;
        self.keep();
        Some(())
    }

    /// Append a text to the arena.
    fn append_text(&mut self, text: &[u8]) -> Span {
        let start = (self.data.len() + self.rows.arena.len()) as u32;
        self.rows.arena.extend_from_slice(text);
        Span { start, end: start + text.len() as u32 }
    }

    /// Add what was found to the rows.
    fn keep(&mut self) {
        let row = self.rows.rows.len() as u32;
        self.rows.rows.push(self.found.row);
        self.rows.symbols.extend_from_slice(&self.found.symbols);
        self.rows.numbers.extend_from_slice(&self.found.numbers);
        self.rows.integers.extend_from_slice(&self.found.integers);
        let flaws = self.found.flaws.iter().map(|&(feature, invalid)| Flaw { row, feature, invalid });
        self.rows.flaws.extend(flaws);
        let suspects = self.found.suspects.iter().map(|&(start, end)| Suspect { start, end, replacement: None });
        self.rows.suspects.extend(suspects);
        self.rows.codes.extend_from_slice(&self.found.codes);
        self.rows.values.extend_from_slice(&self.found.values);
        self.rows.segments.extend_from_slice(&self.found.segments);
        self.rows.unseen.extend(self.found.unseen.iter().map(|&(place, text)| Unseen { row, place, text }));
    }

    fn try_types(&mut self, line: &[u8], base: usize) -> bool {
        match self.try_type(line, base, self.last, false) {
            Ok(()) => return true,
            Err(Miss::Odd) => return false,
            Err(Miss::Type) => {}
        }
        for kind in 0..self.plan.types.len() {
            if kind != self.last && !self.plan.types[kind].tags.is_empty() {
                match self.try_type(line, base, kind, false) {
                    Ok(()) => {
                        self.last = kind;
                        return true;
                    }
                    Err(Miss::Odd) => return false,
                    Err(Miss::Type) => {}
                }
            }
        }
        false
    }

    /// Read a line as one of the type `kind`. `record`: it is a record as the reference wrote it, not a line of the log.
    fn try_type(&mut self, line: &[u8], base: usize, kind: usize, record: bool) -> Result<(), Miss> {
        let of = &self.plan.types[kind];
        self.number += 1;
        self.found.row = Row { kind: kind as u8, time: i64::MIN, ..Row::default() };
        self.found.symbols.clear();
        self.found.symbols.resize(self.plan.symbols, 0);
        self.found.numbers.clear();
        self.found.numbers.resize(self.plan.numbers, f64::NAN);
        self.found.integers.clear();
        self.found.integers.resize(self.plan.integers, i64::MIN);
        self.found.flaws.clear();
        self.found.suspects.clear();
        self.found.features = false;
        if let Some((_, profile)) = &self.plan.profile {
            self.found.codes.clear();
            self.found.codes.resize(profile.shapes.len(), MISSING);
            self.found.values.resize(profile.shapes.len(), 0.0); // counts only where the code is a bin
            self.found.segments.clear();
            self.found.segments.resize(profile.segments.len(), 0);
            self.found.unseen.clear();
        }
        let mut tagged = record || self.plan.tag.is_none();
        match self.fields(line, base, of, kind, record, &mut tagged) {
            Some(true) if tagged => Ok(()),
            Some(false) => Err(Miss::Type),
            None if !tagged => Err(Miss::Type),
            _ => Err(Miss::Odd),
        }
    }

    /// Read all fields; Some(false) when the tag is that of another type.
    fn fields(
        &mut self,
        line: &[u8],
        base: usize,
        of: &Type,
        kind: usize,
        record: bool,
        tagged: &mut bool,
    ) -> Option<bool> {
        let mut cursor = Cursor::new(line);
        let mut seen = 0u64;
        let mut before = of.fields.len();
        cursor.eat(b'{')?;
        cursor.spaces();
        loop {
            let guess = self.next_field[kind][before];
            let (at, name, spaces_before, spaces_behind);
            if cursor.eat_all(&of.fields[guess].quoted).is_some() {
                (at, name, spaces_before) = (Some(guess), of.fields[guess].key.as_slice(), 0);
                spaces_behind = cursor.spaces();
            } else {
                let key = cursor.string()?;
                spaces_before = cursor.spaces();
                cursor.eat(b':')?;
                spaces_behind = cursor.spaces();
                name = &line[key.start..key.end];
                at = of.fields.iter().position(|field| field.key == name);
                if key.escaped {
                    return None;
                }
            }
            if let Some(at) = at {
                self.next_field[kind][before] = at;
                before = at;
                let field = &of.fields[at];
                if seen & (1 << at) != 0 {
                    return None; // the reference says which of two counts
                }
                seen |= 1 << at;
                // The document's time is found by how it is written.
                if field.kind == Kind::Time && !record && (spaces_before > 0 || spaces_behind > 1) {
                    return None;
                }
                self.field(&mut cursor, base, of, kind, field, record)?;
            } else if self.plan.tag.as_deref() == Some(name) && !*tagged {
                let value = cursor.string()?;
                if value.escaped || !of.tags.iter().any(|tag| tag == &line[value.start..value.end]) {
                    return if value.escaped { None } else { Some(false) };
                }
                *tagged = true;
            } else if record {
                cursor.skip(usize::MAX)?;
            } else {
                return None;
            }
            cursor.spaces();
            if cursor.eat(b',').is_some() {
                cursor.spaces();
                continue;
            }
            cursor.eat(b'}')?;
            break;
        }
        let complete = of.fields.iter().enumerate().all(|(at, field)| !field.required || seen & (1 << at) != 0);
        if cursor.at != line.len() || !complete {
            return None;
        }
        if !self.found.features {
            self.lacks(of, |_| true);
        }
        let profiled = self.plan.profile.as_ref().filter(|(of, _)| *of == kind);
        if let Some((place, column)) = profiled.and_then(|(_, profile)| profile.prediction) {
            let prediction = self.found.numbers[column];
            if !prediction.is_nan() {
                self.code(place, Value::Number(prediction, None));
            }
        }
        let row = &self.found.row;
        let named = row.id.start != row.id.end || self.bounds.named_by_place;
        (record || (named && (self.bounds.earliest..=self.bounds.latest).contains(&row.time))).then_some(true)
    }

    fn field(
        &mut self,
        cursor: &mut Cursor,
        base: usize,
        of: &Type,
        kind: usize,
        field: &Field,
        record: bool,
    ) -> Option<()> {
        if cursor.peek() == b'n' {
            cursor.eat_all(b"null")?;
            return field.nullable.then_some(());
        }
        match field.kind {
            Kind::Text => {
                let text = cursor.string()?;
                self.text(cursor.line, base, field, text, record)
            }
            Kind::Truth if matches!(cursor.peek(), b't' | b'f') => {
                let value = f64::from(u8::from(cursor.peek() == b't'));
                cursor.skip(0)?;
                if let Some(Column::Number(column)) = field.column {
                    self.found.numbers[column] = value;
                }
                Some(())
            }
            Kind::Number | Kind::Truth => {
                let Number { value, huge, .. } = cursor.number()?;
                if huge && !record || !(field.low..=field.high).contains(&value) {
                    return None;
                }
                if let Some(Column::Number(column)) = field.column {
                    self.found.numbers[column] = value;
                }
                Some(())
            }
            Kind::Integer => {
                let start = cursor.at;
                let Number { value, integer, mut whole, huge } = cursor.number()?;
                if huge && record {
                    whole = std::str::from_utf8(&cursor.line[start..cursor.at]).ok()?.parse().ok()?;
                } else if huge || !integer || !(field.low..=field.high).contains(&value) {
                    return None;
                }
                if let Some(Column::Integer(column)) = field.column {
                    self.found.integers[column] = whole;
                }
                Some(())
            }
            Kind::Time => {
                let text = cursor.string()?;
                self.found.row.time = time::parse(&cursor.line[text.start..text.end])?;
                Some(())
            }
            Kind::Id => {
                let text = cursor.string()?;
                let id = &cursor.line[text.start..text.end];
                let plain = !text.escaped && id.len() <= PLAIN_ID && id.iter().all(|byte| (b' '..=b'~').contains(byte));
                self.found.row.id = span(base, text);
                (plain || record).then_some(())
            }
            Kind::Features => self.features(cursor, of, kind, record),
            Kind::Scalar if record => cursor.skip(usize::MAX).map(|_| ()),
            Kind::Scalar => match cursor.peek() {
                b'{' | b'[' => None,
                _ => cursor.skip(0).filter(|huge| !huge).map(|_| ()),
            },
        }
    }

    fn text(&mut self, line: &[u8], base: usize, field: &Field, text: Text, record: bool) -> Option<()> {
        let raw = &line[text.start..text.end];
        let suspicious = field.text && !record && self.plan.personal.is_some();
        let wanted = field.column.is_some() || field.failure.is_some() || !field.choices.is_empty() || suspicious;
        if !wanted {
            return Some(());
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let content = if text.escaped {
            scratch.clear();
            unescape(raw, &mut scratch);
            &scratch
        } else {
            raw
        };
        let chosen = field.choices.is_empty() || field.choices.iter().any(|choice| choice == content);
        match field.column {
            Some(Column::Symbol(column)) => self.found.symbols[column] = self.rows.table.number(content),
            Some(Column::Session) => self.found.row.session = Some(self.span_of(base, text, content)),
            Some(Column::Trace) => self.found.row.trace = self.span_of(base, text, content),
            _ => {}
        }
        if let Some(failure) = &field.failure {
            self.found.row.failed = failure.as_ref().map_or(!content.is_empty(), |value| value == content);
        }
        if suspicious && self.plan.personal.as_ref().is_some_and(|personal| personal.suspects(content)) {
            self.found.suspects.push((base + text.start - 1, base + text.end + 1));
        }
        self.scratch = scratch;
        chosen.then_some(())
    }

    /// Where a text stands from now on: in the block, or in the arena if it had escapes.
    fn span_of(&mut self, base: usize, text: Text, content: &[u8]) -> Span {
        if text.escaped { self.append_text(content) } else { span(base, text) }
    }

    fn features(&mut self, cursor: &mut Cursor, of: &Type, kind: usize, record: bool) -> Option<()> {
        let depth = if record { usize::MAX } else { DEPTH };
        self.found.features = true;
        if of.features.is_empty() {
            return (cursor.peek() == b'{').then(|| cursor.skip(depth))?.filter(|huge| record || !huge).map(|_| ());
        }
        cursor.eat(b'{')?;
        cursor.spaces();
        let mut before = of.features.len();
        let mut count = 0;
        if cursor.eat(b'}').is_none() {
            loop {
                let guess = self.next_feature[kind][before];
                let at = if cursor.eat_all(&of.features[guess].quoted).is_some() {
                    cursor.spaces();
                    Some(guess)
                } else {
                    let key = cursor.key()?;
                    let mut name = &cursor.line[key.start..key.end];
                    if key.escaped {
                        self.scratch.clear();
                        unescape(name, &mut self.scratch);
                        name = &self.scratch;
                    }
                    of.features_by_name.get(name).copied()
                };
                if let Some(at) = at {
                    self.next_feature[kind][before] = at;
                    before = at;
                    if self.seen[kind][at] == self.number {
                        return None; // the reference says which of two counts
                    }
                    self.seen[kind][at] = self.number;
                    count += 1;
                    self.feature(cursor, &of.features[at], at as u32, depth, record)?;
                } else if cursor.skip(depth)? && !record {
                    return None;
                }
                cursor.spaces();
                if cursor.eat(b',').is_some() {
                    cursor.spaces();
                    continue;
                }
                cursor.eat(b'}')?;
                break;
            }
        }
        if count < of.features.len() {
            let (seen, number) = (std::mem::take(&mut self.seen[kind]), self.number);
            self.lacks(of, |at| seen[at] != number);
            self.seen[kind] = seen;
        }
        Some(())
    }

    /// Note that the features of the catalogue are missing, at those places where `absent` says so.
    fn lacks(&mut self, of: &Type, absent: impl Fn(usize) -> bool) {
        let lacking = of.features.iter().enumerate().filter(|(at, each)| each.check.is_some() && absent(*at));
        self.found.flaws.extend(lacking.map(|(at, _)| (at as u32, false)));
    }

    /// Read the value of a feature; note if it is missing or not valid, and which bin it is in.
    fn feature(&mut self, cursor: &mut Cursor, feature: &Feature, at: u32, depth: usize, record: bool) -> Option<()> {
        if feature.plain && matches!(cursor.peek(), b'-' | b'0'..=b'9') {
            // The way of nearly all features, with nothing on it that can be left out.
            let Number { value, huge, .. } = cursor.number()?;
            if huge && !record {
                return None;
            }
            if feature.check.as_ref().is_some_and(|check| !check.takes_number(value)) {
                self.found.flaws.push((at, true));
            }
            if let (Some(place), Some((_, profile))) = (feature.place, &self.plan.profile) {
                self.found.codes[place] = NUMBER;
                self.found.values[place] = profile.within(value);
            }
            return Some(());
        }
        if cursor.eat_all(b"null").is_some() {
            if feature.check.is_some() {
                self.found.flaws.push((at, false));
            }
            return Some(());
        }
        let start = cursor.at;
        let mut scratch = std::mem::take(&mut self.scratch);
        let value = match cursor.peek() {
            b'-' | b'0'..=b'9' => {
                let Number { value, integer, huge, .. } = cursor.number()?;
                if huge && !record {
                    return None;
                }
                let literal = &cursor.line[start..cursor.at];
                Value::Number(value, integer.then_some(if literal == b"-0" { b"0" } else { literal }))
            }
            b'"' => {
                let text = cursor.string()?;
                let content = &cursor.line[text.start..text.end];
                if text.escaped {
                    scratch.clear();
                    unescape(content, &mut scratch);
                    Value::Category(&scratch)
                } else {
                    Value::Category(content)
                }
            }
            b't' | b'f' => {
                cursor.skip(0)?;
                Value::Category(&cursor.line[start..cursor.at])
            }
            _ => {
                if cursor.skip(depth)? && !record {
                    return None;
                }
                Value::Other
            }
        };
        if feature.check.as_ref().is_some_and(|check| !check.takes(&value)) {
            self.found.flaws.push((at, true));
        }
        if let (Some((which, values)), Some(category)) = (&feature.segments, value.category()) {
            self.found.segments[*which] = values.get(category).copied().unwrap_or(0);
        }
        if let Some(place) = feature.place {
            self.code(place, value);
        }
        self.scratch = scratch;
        Some(())
    }

    /// Note the bin that a value of a feature is in, by the feature's place in the baseline.
    fn code(&mut self, place: usize, value: Value) {
        let Some((_, profile)) = &self.plan.profile else { return };
        self.found.codes[place] = match (&profile.shapes[place], &value) {
            (Shape::Number(_), Value::Number(number, _)) => {
                self.found.values[place] = profile.within(*number);
                NUMBER
            }
            (Shape::Number(_), _) => INVALID,
            (Shape::Category(values), _) => match value.category() {
                None => INVALID,
                Some(category) => values.get(category).copied().unwrap_or_else(|| {
                    let text = shortened(category, profile.longest);
                    self.found.unseen.push((place as u16, self.rows.table.number(text)));
                    UNSEEN
                }),
            },
        };
    }
}

impl Value<'_> {
    /// The value as a category, if it is one.
    fn category(&self) -> Option<&[u8]> {
        match self {
            Value::Number(_, literal) => *literal,
            Value::Category(text) => Some(text),
            Value::Other => None,
        }
    }
}

impl Check {
    /// Whether a value is valid.
    fn takes(&self, value: &Value) -> bool {
        match value {
            Value::Number(number, _) if self.numeric => self.takes_number(*number),
            _ if self.numeric => false,
            _ => value
                .category()
                .is_some_and(|text| self.values.is_empty() || self.values.iter().any(|value| value == text)),
        }
    }

    #[inline]
    fn takes_number(&self, number: f64) -> bool {
        number.is_finite() && self.min <= number && number <= self.max
    }
}

/// The first `most` characters of a text.
fn shortened(text: &[u8], most: usize) -> &[u8] {
    let begins = text.iter().enumerate().filter(|(_, byte)| **byte & 0xC0 != 0x80);
    let end = begins.map(|(at, _)| at).nth(most).unwrap_or(text.len());
    &text[..end]
}

fn span(base: usize, text: Text) -> Span {
    Span { start: (base + text.start) as u32, end: (base + text.end) as u32 }
}
